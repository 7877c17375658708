import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { until } from "../support/until.ts";
import { openPage } from "./browser.ts";
import { browserTest, textOf } from "./page.ts";
import { sceneOf, SITUATIONS } from "./scenes.ts";
import { startStage } from "./stage.ts";

const WIDTHS = [390, 900, 1440];

/** Returns what `axe-core` finds, one line for each rule and element. */
async function violationsOf(page: Page): Promise<string[]> {
  // By the debugger: the page's policy allows no other script.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(
    `axe.run({ resultTypes: ["violations"] })`,
  ) as axe.AxeResults;
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html} ${failureSummary}`)
  );
}

for (const situation of SITUATIONS) {
  browserTest(`axe-core finds no violation: ${situation}`, async () => {
    // Enough servers that healthy ones are folded.
    const scene = sceneOf(14, situation);
    await using stage = startStage(scene);
    for (const colorScheme of ["light", "dark"] as const) {
      await using open = await openPage(stage.url, { colorScheme });
      const { page } = open;
      await until("it is live", async () => await textOf(page, "#connection") === "Live");
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        assert.deepEqual(await violationsOf(page), [], `${colorScheme}, ${width} px`);
      }
      await page.click("#try");
      await page.evaluate(`location.hash = "#server=${scene.view.servers[1]!.url}"`);
      await page.locator(".detail").waitFor();
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        assert.deepEqual(await violationsOf(page), [], `${colorScheme}, ${width} px, opened`);
      }
      assert.deepEqual(open.complaints, []);
    }
  });
}

browserTest("axe-core finds no violation: while starting, and without a connection", async () => {
  const { view, ...scene } = sceneOf(3, "all down");
  const servers = view.servers.map((server) => ({ ...server, state: "checking" as const }));
  const starting = { ...view, servers, startedAt: view.at - 34_000 };
  for (const colorScheme of ["light", "dark"] as const) {
    await using stage = startStage({ ...scene, view: starting });
    await using open = await openPage(stage.url, { colorScheme });
    const { page } = open;
    await until("it is starting", async () => await textOf(page, "#alarm-title") === "Starting");
    assert.deepEqual(await violationsOf(page), [], colorScheme);
    stage.hangUp();
    await until("the connection is lost", () => page.isVisible("#lost"));
    assert.deepEqual(await violationsOf(page), [], `${colorScheme}, lost`);
  }
});
