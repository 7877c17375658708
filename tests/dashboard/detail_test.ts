import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { until } from "../support/until.ts";
import { ask } from "../support/fleet.ts";
import { openPage } from "./browser.ts";
import { browserTest, startRealFleet, textOf, untilShown } from "./page.ts";
import { sceneOf } from "./scenes.ts";
import { startStage } from "./stage.ts";

/** Returns what is told of the open server, by label. */
async function factsOf(page: Page): Promise<Record<string, string>> {
  const pairs = await page.evaluate(`[...document.querySelectorAll(".facts dl > div")].map(
    (line) => [line.querySelector("dt").textContent, line.querySelector("dd").textContent])`);
  return Object.fromEntries(pairs as [string, string][]);
}

browserTest("a server opens below its row, with what the router knows of it", async () => {
  await using fleet = await startRealFleet([{}, {}]);
  const { router } = fleet;
  for (let i = 0; i < 4; i++) await (await ask(router.url)).text();
  const counts = await Promise.all(
    router.fleet.snapshot().servers.map(async ({ url }) => {
      const query = new URLSearchParams({ url });
      const { attempts } = await (await fetch(`${router.url}/dashboard/server?${query}`)).json();
      return { url, answered: attempts.ok ?? 0 };
    }),
  );
  const { url, answered } = counts.toSorted((a, b) => b.answered - a.answered)[0]!;
  await using open = await openPage(router.url);
  const { page } = open;
  await untilShown(page, 2);
  await page.click(`#rows tr[data-url="${url}"] .name`);
  await until("its facts are read", async () => (await factsOf(page)).Engine === "vllm");
  const facts = await factsOf(page);
  assert.equal(facts.Address, url);
  assert.equal(facts.State, "● healthy");
  assert.equal(facts.Models, "simulated-model");
  assert.equal(facts.Answered, String(answered));
  assert.match(facts["In all"]!, /^\d+$/);
  assert.match(facts["Prompt tokens/s"]!, /^[\d,.]+K?$/);
  const order = await page.locator("#rows tr").evaluateAll((lines) =>
    lines.map((line) => line.getAttribute("data-url") ?? line.className)
  );
  assert.equal(order.indexOf("detail"), order.indexOf(url) + 1);

  const reads = () =>
    open.requests.filter((request) => request.includes("/dashboard/server")).length;
  const before = reads();
  await until("it is read again", () => reads() > before);
  await page.locator(".detail button", { hasText: "Close" }).click();
  assert.equal(await page.locator(".detail").count(), 0);
  assert.equal(await page.evaluate("document.activeElement.className.includes('name')"), true);
  assert.deepEqual(open.complaints, []);
});

browserTest(
  "a read of a server that is never answered doesn't keep others from being read",
  async () => {
    const scene = sceneOf(2, "healthy");
    await using stage = startStage(scene);
    await using open = await openPage(stage.url);
    const { page } = open;
    await untilShown(page, 2);
    let reads = 0;
    await page.route(/\/dashboard\/server\?/, (route) => {
      if (++reads > 1) return route.continue();
    });
    await page.locator("#rows .name").first().click();
    await until("the first read hangs", () => reads === 1);
    await page.locator("#rows .name").nth(1).click();
    await until("the other is read", async () => (await factsOf(page)).Engine === "vllm");
  },
);

browserTest("the open server is in the address: Back closes it, and a link opens it", async () => {
  const scene = sceneOf(40, "healthy");
  const { url, name } = scene.view.servers[7]!;
  await using stage = startStage(scene);
  await using open = await openPage(stage.url, {}, `#server=${url}`);
  const { page } = open;
  await page.locator(".detail").waitFor();
  // The healthy are folded, all but the open one.
  assert.equal(await page.locator("#rows tr[data-url]").count(), 1);
  assert.equal(await textOf(page, ".detail h3"), name);
  assert.equal(await page.locator("#rows .name").getAttribute("aria-expanded"), "true");

  await page.keyboard.press("Enter");
  await until("Enter closes it", async () => await page.locator(".detail").count() === 0);
  await page.goBack();
  await page.locator(".detail").waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Escape");
  await until("Escape closes it", async () => await page.locator(".detail").count() === 0);

  await page.getByRole("button", { name: "Show the healthy servers" }).click();
  await page.locator("#rows .name", { hasText: "a100-1" }).first().click();
  await page.locator("#rows .name", { hasText: "h100-2" }).first().click();
  assert.equal(await textOf(page, ".detail h3"), "h100-2");
  await page.goBack();
  await until("the other is open", async () => await textOf(page, ".detail h3") === "a100-1");
  await page.goBack();
  await until("none is open", async () => await page.locator(".detail").count() === 0);
  assert.deepEqual(open.complaints, []);
});

browserTest(
  "a link to a server that is gone says so, and one that makes no sense opens none",
  async () => {
    await using stage = startStage(sceneOf(2, "healthy"));
    await using open = await openPage(stage.url, {}, "#server=http://gone:8000");
    const { page } = open;
    await untilShown(page, 2);
    assert.ok(await page.isVisible("#no-server"));
    await page.evaluate(`location.hash = "#server=%"`);
    await until("none is looked for", async () => !await page.isVisible("#no-server"));
    assert.deepEqual(open.complaints, []);
  },
);

browserTest(
  "events link to servers, and a filter doesn't hide the one that is opened",
  async () => {
    await using stage = startStage(sceneOf(3, "one down"));
    await using open = await openPage(stage.url);
    const { page } = open;
    await untilShown(page, 3);
    await page.fill("#filter", "a100");
    await untilShown(page, 1);
    await page.locator("#events a", { hasText: "h100-2" }).first().click();
    await until("it is open", async () => await textOf(page, ".detail h3") === "h100-2");
    assert.equal(await page.inputValue("#filter"), "a100");
    const told = await page.locator(".detail .events li").allTextContents();
    assert.ok(
      told.some((line) => line.includes("Failed502: no connection (qwen3-32b)")),
      told.join(),
    );
    assert.ok(told.some((line) => line.includes("h100-2 is unhealthy, was healthy")), told.join());
    const box = await page.locator('#rows tr[data-state="unhealthy"]').first().boundingBox();
    assert.ok(box!.y >= 0 && box!.y < 900, `its row is in sight: ${JSON.stringify(box)}`);
  },
);
