import assert from "node:assert/strict";
import { type Gateway, startGateway } from "../../src/gateway.ts";
import { ask } from "../support/fleet.ts";
import { configOf } from "../support/config.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";
import { deadUrl } from "../support/upstream.ts";
import { openPage } from "./browser.ts";
import { browserTest, shownRows, startRealFleet, textOf, untilShown } from "./page.ts";

browserTest("no request leaves the host, and a policy forbids it", async () => {
  await using fleet = await startRealFleet([{}]);
  const { url } = fleet.router;
  await using open = await openPage(url);
  await untilShown(open.page, 1);
  await until("the history is asked for", () => open.requests.includes(`${url}/dashboard/history`));
  assert.ok(open.requests.length > 20);
  assert.deepEqual(open.requests.filter((request) => new URL(request).origin !== url), []);
  assert.deepEqual(open.complaints, []);

  for (const path of ["/dashboard", "/dashboard/app.js", "/dashboard/uplot.js"]) {
    const { status, headers, body } = await fetch(url + path);
    await body?.cancel();
    assert.equal(status, 200);
    assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'; /);
    assert.doesNotMatch(headers.get("content-security-policy") ?? "", /unsafe|\*|http/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
  }
});

browserTest("a freshly opened page shows the earlier history", async () => {
  await using fleet = await startRealFleet([{}, {}]);
  const { url } = fleet.router;
  await until("the router has a history", async () => {
    await (await ask(url)).text();
    return (await (await fetch(`${url}/dashboard/history`)).json()).times.length >= 3;
  });
  await using open = await openPage(url);
  const drawn = `[...document.querySelectorAll(".plot")].map((plot) => {
    const canvas = plot.querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.some((value) => value > 0) && plot.getAttribute("aria-label")?.includes("now ");
  })`;
  await until("six charts are drawn", async () => {
    const charts = await open.page.evaluate(drawn) as boolean[];
    return charts.length === 6 && charts.every(Boolean);
  });
  const [from, to] = (await textOf(open.page, "#span")).match(/\d\d:\d\d:\d\d/g)!;
  assert.notEqual(from, to);
  assert.match(
    await open.page.getAttribute(".plot >> nth=0", "aria-label") ?? "",
    /^Answers, per second\. ok: now .*, highest [^0]/,
  );
});

browserTest("a lost connection is shown, and recovers by itself", async () => {
  const url = deadUrl();
  const port = Number(new URL(url).port);
  const startOne = (name: string): Gateway =>
    startGateway({
      hostname: "127.0.0.1",
      port,
      config: configOf([{ url: "http://127.0.0.1:9", name }]),
    });
  const before = startOne("first");
  await using open = await openPage(url);
  const { page } = open;
  await untilShown(page, 1);
  await until("it is live", async () => await textOf(page, "#connection") === "Live");
  assert.equal(await page.isVisible("#lost"), false);

  await before.shutdown(0);
  await until("the loss is shown", () => page.isVisible("#lost"));
  await until("its age grows", async () => /is [2-9] s old/.test(await textOf(page, "#lost")));
  assert.equal(await textOf(page, "#connection"), "Connection lost");
  assert.ok(await page.isVisible(".is-stale main"));
  const asked = () => open.requests.filter((request) => request.endsWith("/history")).length;
  const askedBefore = asked();

  await using _after = startOne("second");
  await until("it is live again", async () => {
    const [row] = await shownRows(page);
    return row?.name === "second" && await textOf(page, "#connection") === "Live";
  });
  assert.equal(await page.isVisible("#lost"), false);
  assert.equal(await page.isVisible(".is-stale main"), false);
  assert.equal(asked(), askedBefore + 1);
});

browserTest("untrusted names and reasons stay text", async () => {
  const name =
    `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`;
  await using router = await startRouter([{ url: deadUrl(), name, models: [name] }]);
  await using open = await openPage(router.url);
  await untilShown(open.page, 1);
  const [row] = await shownRows(open.page);
  assert.equal(row?.name, name);
  assert.equal(row?.models, name);
  assert.equal(await open.page.title(), "(1 down) vLLM Router");
  assert.equal(await open.page.locator("main img, main script").count(), 0);
  assert.deepEqual(open.complaints, []);
});
