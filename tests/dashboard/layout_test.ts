import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import type { ServerView, View } from "../../src/monitor/view.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";
import { deadUrl } from "../support/upstream.ts";
import { openPage } from "./browser.ts";
import { browserTest, textOf, untilShown } from "./page.ts";

const LONG = "a-name-that-is-far-longer-than-any-column-of-the-table-could-ever-be";
const CARDS = [360, 400, 800, 899];
const TABLE = [900, 1000, 1001, 1249, 1250, 1439, 1440, 1920];
/** The longest possible content of each column. */
const BUSY: Partial<ServerView> = {
  state: "unhealthy",
  running: 1_024,
  waiting: 12_345,
  capacity: 1_024,
  usage: 13,
  kvCacheUsage: 1,
  prefixHitRate: 1,
  pendingTokens: 99_999,
  firstToken: { p50: 99_990, p95: 99_990, p99: 99_990 },
  tokensPerSecond: 9_999,
  errors: 12_345,
};

const evaluate = <T>(page: Page, script: string) => page.evaluate(script) as Promise<T>;

const startServers = (names: readonly string[], models = ["simulated-model"]) =>
  startRouter(names.map((name) => ({ url: deadUrl(), name, models })));

/** Shows the router's servers with the given changes. */
async function showAs(page: Page, url: string, changes: Partial<ServerView>): Promise<void> {
  const view: View = await (await fetch(`${url}/dashboard/view`)).json();
  const servers = view.servers.map((server) => ({ ...server, ...changes }));
  await page.route("**/dashboard/events", (route) =>
    route.fulfill({
      contentType: "text/event-stream",
      body: `data: ${JSON.stringify({ ...view, servers })}\n\n`,
    }));
  await page.reload();
  await untilShown(page, servers.length);
}

/** Elements that extend past the server panel, and whether anything in it needs scrolling. */
const HIDDEN = `(() => {
  const box = document.querySelector("#fleet-box");
  const { left, right } = box.getBoundingClientRect();
  const outside = [...box.querySelectorAll("th, td, button, .track")].filter((part) => {
    const at = part.getBoundingClientRect();
    return at.left < left - 1 || at.right > right + 1;
  });
  return {
    outside: outside.filter(({ offsetParent }) => offsetParent !== null)
      .map(({ outerHTML }) => outerHTML),
    sideways: box.scrollWidth > box.clientWidth,
    downwards: box.scrollHeight > box.clientHeight,
  };
})()`;

browserTest("no server and no column is hidden at any window width", async () => {
  await using router = await startServers(
    Array.from({ length: 12 }, (_, at) => `${LONG}-${at}`),
    [`${LONG}-model`],
  );
  await using open = await openPage(router.url);
  const { page } = open;
  await showAs(page, router.url, BUSY);
  for (const width of [...CARDS, ...TABLE]) {
    await page.setViewportSize({ width, height: 900 });
    const hidden = await evaluate<Record<string, unknown>>(page, HIDDEN);
    assert.deepEqual(hidden, { outside: [], sideways: false, downwards: false }, `at ${width}`);
  }
});

browserTest(
  "the connection status and the theme button stay side by side at the right",
  async () => {
    await using router = await startServers(["one"]);
    await using open = await openPage(router.url);
    const { page } = open;
    for (const width of [...CARDS, ...TABLE]) {
      await page.setViewportSize({ width, height: 900 });
      const [mark, button, top] = (await Promise.all(
        ["#connection", "#theme", ".tiles"].map((selector) => page.locator(selector).boundingBox()),
      )).map((box) => box!);
      const middle = mark!.y + mark!.height / 2;
      assert.ok(Math.abs(middle - button!.y - button!.height / 2) < 2, `at ${width}`);
      assert.ok(Math.abs(button!.x + button!.width - top!.x - top!.width) < 2, `at ${width}`);
    }
  },
);

browserTest("names of servers and models are shown whole if there is space", async () => {
  await using router = await startServers(["http://10.20.30.40:8000"]);
  await using open = await openPage(router.url, { viewport: { width: 1400, height: 900 } });
  const { page } = open;
  await showAs(page, router.url, BUSY);
  const cut = `[...document.querySelectorAll(".name, .address, .models span")]
    .filter((line) => line.scrollWidth > line.clientWidth).map((line) => line.textContent)`;
  for (const width of [1250, 1400, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    assert.deepEqual(await evaluate(page, cut), [], `at ${width}`);
  }
});

browserTest(
  "tooltips show texts that are cut off and explain column headers",
  async () => {
    await using router = await startServers([LONG], [`${LONG}-1`, `${LONG}-2`]);
    await using open = await openPage(router.url);
    const { page } = open;
    const reason = `${LONG} failed`;
    await showAs(page, router.url, { ...BUSY, reason });
    const title = (selector: string) => page.getAttribute(selector, "title");
    const { url } = router.fleet.snapshot().servers[0]!;
    assert.ok((await title("#rows .name"))?.startsWith(`${LONG}:`));
    assert.equal(await title("#rows .address"), url);
    assert.ok((await title("#rows .why"))?.endsWith(`: ${reason}`));
    assert.equal(await title("#rows .models span"), `${LONG}-1, ${LONG}-2`);
    await page.locator(".key .label:visible", { hasText: LONG }).first().waitFor();
    const untold = await evaluate<string[]>(
      page,
      `[...document.querySelectorAll("body *")].filter((part) =>
      getComputedStyle(part).textOverflow === "ellipsis" && part.scrollWidth > part.clientWidth &&
      !part.title.includes(part.textContent)).map(({ outerHTML }) => outerHTML)`,
    );
    assert.deepEqual(untold, []);
    const meanings = await evaluate<string[]>(
      page,
      `[...document.querySelectorAll("thead button")].map(({ title }) => title)`,
    );
    assert.equal(new Set(meanings.filter(Boolean)).size, meanings.length);
    assert.ok(meanings.includes("Prompt tokens found in the prefix cache, last minute"));
  },
);

for (const state of ["unhealthy", "half-open"] as const) {
  browserTest(`a server that is ${state} shows its URL, since when and why`, async () => {
    await using router = await startServers(["gpu-1"]);
    await using open = await openPage(router.url);
    const { page } = open;
    await showAs(page, router.url, { state, reason: "3 checks failed in a row" });
    const { url } = router.fleet.snapshot().servers[0]!;
    await until(
      "it has that state",
      async () => (await textOf(page, "#rows .state")).includes(state),
    );
    assert.equal(await textOf(page, "#rows .name"), "gpu-1");
    assert.equal(await textOf(page, "#rows .address"), url);
    assert.match(
      await textOf(page, "#rows .why"),
      /^(down )?for \d+ s, since \d\d:\d\d:\d\d: 3 checks failed in a row$/,
    );
    await showAs(page, router.url, { state: "healthy", reason: "check passed" });
    assert.equal(await textOf(page, "#rows .address"), url);
    assert.equal(await textOf(page, "#rows .why"), "");
  });
}
