import assert from "node:assert/strict";
import { ask } from "../support/fleet.ts";
import { until } from "../support/until.ts";
import { openPage } from "./browser.ts";
import { browserTest, startRealFleet, textOf, untilShown } from "./page.ts";

browserTest("100 servers stay usable", async () => {
  await using fleet = await startRealFleet(
    Array.from({ length: 100 }, (_, at) => ({ seed: at, speed: 0.2, maxNumSeqs: 4, capacity: 4 })),
  );
  const { router, simulators } = fleet;
  await using open = await openPage(router.url);
  const { page } = open;
  await until("all are healthy", async () => await textOf(page, "#shown") === "100 of 100");
  assert.match(await textOf(page, "#rows .fold"), /^100 healthy servers/);
  assert.equal(await page.locator("#rows tr").count(), 1, "healthy servers are folded");
  await page.getByRole("button", { name: "Show the healthy servers" }).click();
  await untilShown(page, 100);
  await page.reload();
  await untilShown(page, 100);

  const leaving = new AbortController();
  const held = ask(router.url, { tokens: 1_000, stream: true, signal: leaving.signal });
  await until("a request is shown", async () => await textOf(page, "#in-flight") === "1");
  const { url } = router.fleet.snapshot().servers.find(({ inFlight }) => inFlight === 1)!;
  const running = `tr[data-url="${url}"] [data-column="running"]`;
  await until("its server's row shows it", async () => await textOf(page, running) === "1");

  const last = page.locator("#rows tr").last();
  await last.scrollIntoViewIfNeeded();
  assert.ok(await last.isVisible());
  const head = await page.locator("#columns th").first().boundingBox();
  assert.ok(Math.abs(head!.y) < 3, "the header stays in sight");

  await page.getByRole("button", { name: "Running" }).click();
  await until(
    "the busy server comes first",
    async () => await page.locator("#rows tr").first().getAttribute("data-url") === url,
  );
  // Any server may get the request, and the busy one has a line in the charts. This one has none.
  const idle = simulators.findLast((simulator) => simulator.url !== url)!;
  await page.fill("#filter", idle.url);
  await untilShown(page, 1);
  assert.equal(await textOf(page, "#shown"), "1 of 100");
  await page.fill("#filter", "nothing of that kind");
  assert.ok(await page.isVisible("#no-rows"));
  await page.fill("#filter", "");
  await page.getByRole("button", { name: "Only unhealthy" }).click();
  await until("all are well", async () => await textOf(page, "#shown") === "0 of 100");
  await idle.setFault({ kind: "refuse" });
  await until("the dead one appears", async () => await textOf(page, "#shown") === "1 of 100");

  const key = page.locator(".chart", { hasText: "In flight" }).locator(".key li:visible");
  assert.equal(await key.count(), 9, "eight servers and all others");
  assert.match(await key.last().textContent() ?? "", /^92 others \(mean\)/);
  await page.hover(`#rows tr[data-url="${idle.url}"] .name`);
  await until("the one pointed at gets a line", async () => await key.count() === 10);
  await page.getByRole("button", { name: "Only unhealthy" }).click();
  await page.getByRole("button", { name: "Running" }).click({ clickCount: 2, delay: 20 });
  await page.getByRole("button", { name: "Hide the healthy servers" }).click();
  await until("the dead one stays in sight", async () => {
    const rows = await page.locator("#rows tr").evaluateAll((lines) =>
      lines.map((line) => line.getAttribute("data-url"))
    );
    return rows.length === 2 && rows[0] === idle.url && rows[1] === null;
  });
  assert.equal(await page.title(), "(1 down) vLLM Router");
  assert.equal(await page.getAttribute("#icon", "href"), "/dashboard/icon-down.svg");
  assert.deepEqual(open.complaints, []);
  leaving.abort();
  await held.then((answer) => answer.body?.cancel()).catch(() => {});
});
