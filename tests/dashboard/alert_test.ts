import assert from "node:assert/strict";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";
import { deadUrl } from "../support/upstream.ts";
import { openPage } from "./browser.ts";
import { browserTest, startRealFleet, textOf, untilShown } from "./page.ts";
import { sceneOf } from "./scenes.ts";
import { startStage } from "./stage.ts";

const dotOf = `getComputedStyle(document.querySelector("#connection"), "::before").backgroundColor`;

browserTest(
  "a dead fleet has a banner above all, a title and an icon, and nothing is green",
  async () => {
    await using fleet = await startRealFleet([{}, {}]);
    const { router, simulators } = fleet;
    await using open = await openPage(router.url);
    const { page } = open;
    await until("it is live", async () => await textOf(page, "#connection") === "Live");
    assert.equal(await page.isVisible("#alarm"), false);
    assert.equal(await page.title(), "vLLM Router");
    assert.equal(await page.getAttribute("#icon", "href"), "/dashboard/icon.svg");
    const green = await page.evaluate(dotOf);

    await Promise.all(simulators.map((simulator) => simulator.setFault({ kind: "refuse" })));
    await until("the banner is shown", () => page.isVisible("#alarm"));
    await until("both are down", async () => await page.title() === "(2 down) vLLM Router");
    assert.equal(await page.getAttribute("#icon", "href"), "/dashboard/icon-down.svg");
    assert.match(
      await textOf(page, "#alarm"),
      /No server takes requests\s+Clients get 503, for \d+ s, since \d\d:\d\d:\d\d/,
    );
    assert.notEqual(await page.evaluate(dotOf), green);
    const [alarm, tiles] = await Promise.all(
      ["#alarm", "#tiles"].map((selector) => page.locator(selector).boundingBox()),
    );
    assert.ok(alarm!.y + alarm!.height <= tiles!.y);
    await page.evaluate("scrollTo(0, document.body.scrollHeight)");
    assert.equal((await page.locator("#alarm").boundingBox())!.y, 0, "it stays in sight");
    assert.deepEqual(open.complaints, []);
  },
);

browserTest("the red icon is an image that the page may load", async () => {
  await using stage = startStage(sceneOf(2, "healthy"));
  const icons = await Promise.all(["icon", "icon-down"].map(async (name) => {
    const answer = await fetch(`${stage.url}/dashboard/${name}.svg`);
    assert.equal(answer.headers.get("content-type"), "image/svg+xml");
    return await answer.text();
  }));
  assert.notEqual(icons[0], icons[1]);
});

browserTest(
  "one server that is down of two of a model is no alarm, but counts in the title",
  async () => {
    const { view, ...scene } = sceneOf(4, "one down");
    await using stage = startStage({ view, ...scene });
    await using open = await openPage(stage.url);
    const { page } = open;
    await untilShown(page, 4);
    assert.equal(await page.isVisible("#alarm"), false);
    assert.equal(await page.title(), "(1 down) vLLM Router");
    assert.equal(await textOf(page, "#failed"), "3.0%");
    assert.equal(await textOf(page, "#waiting"), "3");
    assert.equal(await textOf(page, "#first-token-p95"), "834 ms");
  },
);

browserTest("times have 24 hours, also where clocks have 12", async () => {
  await using router = await startRouter([{ url: deadUrl(), name: "one" }]);
  await using open = await openPage(router.url, { locale: "en-US", timezoneId: "Asia/Tokyo" });
  const { page } = open;
  await until("a span is shown", async () => /\d/.test(await textOf(page, "#span")));
  assert.doesNotMatch(await textOf(page, "#span"), /[AP]M/i);
  assert.doesNotMatch(await textOf(page, "#rows .why"), /[AP]M/i);
});
