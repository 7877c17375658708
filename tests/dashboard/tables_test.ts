import assert from "node:assert/strict";
import { ask, MODEL } from "../support/fleet.ts";
import { until } from "../support/until.ts";
import { openPage } from "./browser.ts";
import { browserTest, startRealFleet, textOf, untilShown } from "./page.ts";
import { sceneOf } from "./scenes.ts";
import { startStage } from "./stage.ts";

const PERMISSIONS = ["clipboard-read", "clipboard-write"];

browserTest("models and failed requests are shown, with an id that can be copied", async () => {
  await using fleet = await startRealFleet([{}, {}]);
  const { router, simulators } = fleet;
  await (await ask(router.url)).text();
  for (const simulator of simulators) await simulator.setFault({ kind: "status", status: 500 });
  const answer = await ask(router.url);
  await answer.body?.cancel();
  const id = answer.headers.get("x-request-id")!;
  await using open = await openPage(router.url, { permissions: PERMISSIONS });
  const { page } = open;
  await until(
    "the failure is shown",
    async () => await page.locator("#failures tbody tr").count() > 0,
  );
  const cells = await page.locator("#failures tbody tr").first().locator("td, th")
    .allTextContents();
  const [time, status, reason, model, server] = cells;
  assert.match(time!, /^\d\d:\d\d:\d\d$/);
  assert.equal(status, String(answer.status));
  assert.notEqual(reason, "");
  assert.equal(model, MODEL);
  assert.ok(router.fleet.snapshot().servers.some(({ name }) => name === server));
  assert.equal(await textOf(page, "#failures code"), id);
  assert.match(await textOf(page, "#failed"), /^\d+(\.\d)?%$/);

  const copy = page.locator("#failures .copy").first();
  await copy.click();
  await until("it is copied", async () => await copy.textContent() === "Copied");
  assert.equal(await page.evaluate("navigator.clipboard.readText()"), id);
  await until("the button is itself again", async () => await copy.textContent() === "Copy");
  assert.equal(
    await page.evaluate(`document.activeElement.closest("#failures") !== null`),
    true,
    "the focus outlives updates",
  );
  const row = await page.locator("#models tbody tr").first().locator("td, th").allTextContents();
  assert.equal(row[0], MODEL);
  assert.match(row[1]!, /^[012] of 2$/);
  assert.deepEqual(open.complaints, []);
});

browserTest("the API's address and a command to try can be copied", async () => {
  await using fleet = await startRealFleet([{}]);
  const { url } = fleet.router;
  await using open = await openPage(url, { permissions: PERMISSIONS });
  const { page } = open;
  await until("it is live", async () => await textOf(page, "#connection") === "Live");
  assert.equal(await textOf(page, "#address"), `${url}/v1`);
  await page.click("#copy-address");
  const clipboard = async () => await page.evaluate("navigator.clipboard.readText()") as string;
  await until("it is copied", async () => await clipboard() === `${url}/v1`);
  await page.click("#try");
  await page.click("#copy-curl");
  await until("the command is copied", async () => (await clipboard()).startsWith("curl "));
  const command = (await clipboard()).replace(/^curl /, "curl --silent ");
  assert.ok(command.includes(MODEL));
  const { stdout } = await new Deno.Command("sh", { args: ["-c", command] }).output();
  assert.equal(JSON.parse(new TextDecoder().decode(stdout)).object, "chat.completion");
  assert.deepEqual(open.complaints, []);
});

browserTest("a page over plain HTTP copies without the clipboard's interface", async () => {
  await using stage = startStage(sceneOf(1, "healthy"));
  await using open = await openPage(stage.url, { permissions: PERMISSIONS });
  const { page } = open;
  await untilShown(page, 1);
  await page.evaluate(`navigator.clipboard.writeText = () => Promise.reject(new Error())`);
  await page.click("#copy-address");
  await until("it is copied", async () => await textOf(page, "#copy-address") === "Copied");
  assert.equal(await page.evaluate("navigator.clipboard.readText()"), `${stage.url}/v1`);
});

browserTest("a change of state is a line on the charts, told by the pointer", async () => {
  const scene = sceneOf(3, "one down");
  await using stage = startStage(scene);
  await using open = await openPage(stage.url, { viewport: { width: 1440, height: 1200 } });
  const { page } = open;
  await until("the legend is shown", async () => /^Dashed lines/.test(await textOf(page, "#mark")));
  assert.match(
    await page.getAttribute(".plot >> nth=0", "aria-label") ?? "",
    /Last change of state: \d\d:\d\d:\d\d h100-2 is unhealthy, was healthy: 3 checks failed/,
  );
  const plot = (await page.locator(".plot .u-over").first().boundingBox())!;
  // It is 35 s before the end of a quarter of an hour.
  await until("the pointer finds it", async () => {
    for (let x = plot.x + plot.width - 2; x > plot.x + plot.width * 0.9; x -= 3) {
      await page.mouse.move(x, plot.y + 20);
      if (/h100-2 is unhealthy, was healthy/.test(await textOf(page, "#mark"))) return true;
    }
    return false;
  });
  await page.mouse.move(plot.x + 40, plot.y + 20);
  assert.match(await textOf(page, "#mark"), /^Dashed lines/);
});

browserTest("names of any length and direction are cut off, and mix up nothing", async () => {
  const { view, ...scene } = sceneOf(3, "one down");
  const name = `\u202e${"<b>x".repeat(2_500)}`;
  const long = {
    ...view,
    servers: view.servers.map((server) => ({ ...server, name, reason: name, models: [name] })),
    models: view.models.map((model) => ({ ...model, name })),
    keys: view.keys.map((key) => ({ ...key, name })),
    failures: view.failures.map((failure) => ({
      ...failure,
      id: name,
      reason: name,
      model: name,
      path: name,
      server: name,
    })),
    events: view.events.map((event) => ({ ...event, text: name, servers: [name] })),
  };
  await using stage = startStage({ ...scene, view: long });
  await using open = await openPage(stage.url, {}, `#server=${view.servers[0]!.url}`);
  const { page } = open;
  await page.locator(".detail").waitFor();
  for (const width of [390, 900, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    const [sideways, height] = await page.evaluate(`[
      [...document.querySelectorAll("html, #fleet-box, #failures-box")]
        .filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.id),
      document.documentElement.scrollHeight]`) as [string[], number];
    assert.deepEqual(sideways, [], `${width} px`);
    assert.ok(height < 8_000, `${width} px: ${height} px high`);
  }
  assert.equal(await page.locator("main b").count(), 0);
  assert.deepEqual(open.complaints, []);
});

for (const situation of ["healthy", "all down"] as const) {
  browserTest(`32 servers are a few screens of a phone: ${situation}`, async () => {
    await using stage = startStage(sceneOf(32, situation));
    await using open = await openPage(stage.url, { viewport: { width: 390, height: 844 } });
    const { page } = open;
    const shown = situation === "healthy" ? 0 : 32;
    await untilShown(page, shown);
    const fold = page.getByRole("button", { name: "Show the healthy servers" });
    if (situation === "healthy") await fold.click();
    await untilShown(page, 32);
    const box = await page.locator("#fleet-box").boundingBox();
    assert.ok(box!.height < 4 * 844, `${box!.height} px high`);
    await page.selectOption("#sort", "usage");
    await until(
      "the busiest is first",
      async () =>
        await page.locator("#columns th[aria-sort]").getAttribute("data-column") === "usage",
    );
    assert.deepEqual(open.complaints, []);
  });
}
