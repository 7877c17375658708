import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";
import { deadUrl } from "../support/upstream.ts";
import { openPage } from "./browser.ts";
import { browserTest, textOf, untilShown } from "./page.ts";

const SERVERS = ["one", "two", "three"].map((name) => ({ url: deadUrl(), name, models: ["m"] }));

const evaluate = <T>(page: Page, script: string) => page.evaluate(script) as Promise<T>;
const ground = (page: Page) =>
  evaluate<string>(page, "getComputedStyle(document.body).backgroundColor");

browserTest("light and dark follow the system, and the button overrides it for good", async () => {
  await using router = await startRouter(SERVERS);
  await using open = await openPage(router.url, { colorScheme: "dark" });
  const { page } = open;
  const dark = await ground(page);
  await page.emulateMedia({ colorScheme: "light" });
  const light = await ground(page);
  assert.notEqual(light, dark);

  const theme = page.locator("#theme");
  await theme.click();
  await theme.click();
  assert.equal(await theme.textContent(), "Theme: dark");
  assert.equal(await ground(page), dark);
  await page.reload();
  assert.equal(await ground(page), dark);
  assert.deepEqual(open.complaints, []);
});

for (const colorScheme of ["light", "dark"] as const) {
  browserTest(`text has enough contrast: ${colorScheme}`, async () => {
    await using router = await startRouter(SERVERS);
    await using open = await openPage(router.url, { colorScheme });
    await untilShown(open.page, 3);
    const ratios = await evaluate<Record<string, number>>(open.page, CONTRASTS);
    assert.ok(Object.keys(ratios).length > 5);
    const faint = Object.entries(ratios).filter(([, ratio]) => ratio < 4.5);
    assert.deepEqual(faint, []);
  });
}

browserTest("a phone shows everything without horizontal scrolling", async () => {
  await using router = await startRouter(SERVERS);
  await using open = await openPage(router.url, { viewport: { width: 375, height: 800 } });
  const { page } = open;
  await untilShown(page, 3);
  const width = await evaluate<number>(page, "document.documentElement.scrollWidth");
  assert.equal(width, 375);
  const outside = await evaluate<string[]>(
    page,
    `[...document.querySelectorAll("#rows td, #tiles > div, .chart, button:not(thead button)")]
      .filter((shown) => shown.getBoundingClientRect().right > 375)
      .map((shown) => shown.outerHTML)`,
  );
  assert.deepEqual(outside, []);
});

browserTest("it can be used by keyboard and read by a screen reader", async () => {
  await using router = await startRouter(SERVERS);
  await using open = await openPage(router.url);
  const { page } = open;
  await untilShown(page, 3);
  await page.keyboard.press("Tab");
  assert.equal(await textOf(page, ":focus"), "Skip to the fleet");
  await page.keyboard.press("Enter");
  assert.equal(await textOf(page, ":focus"), "Servers");
  await page.keyboard.press("Tab");
  await page.keyboard.type("thr");
  await untilShown(page, 1);
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Delete");
  await untilShown(page, 3);

  await page.getByRole("button", { name: "Server", exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  assert.equal(
    await page.getByRole("columnheader", { name: "Server" }).getAttribute("aria-sort"),
    "descending",
  );
  assert.deepEqual(await page.locator("#rows .name").allTextContents(), ["two", "three", "one"]);
  const first = page.locator("#rows .name", { hasText: "two" });
  await first.focus();
  await page.keyboard.press("Enter");
  assert.equal(await first.getAttribute("aria-expanded"), "true");
  await until("the focus outlives updates", async () => await textOf(page, ":focus") === "two");

  await page.keyboard.press("Enter");
  assert.equal(await first.getAttribute("aria-expanded"), "false");

  const servers = page.locator("#servers");
  assert.equal(await servers.getByRole("row").count(), 4);
  assert.equal(await servers.getByRole("rowheader").count(), 3);
  const flaws = await evaluate<string[]>(page, FLAWS);
  assert.deepEqual(flaws, []);
});

/** Elements that a screen reader could not identify. */
const FLAWS = `[
  ...[...document.querySelectorAll("input")].filter(({ labels }) => !labels.length),
  ...[...document.querySelectorAll("button")].filter(({ textContent }) => !textContent.trim()),
  ...document.querySelectorAll("th:not([scope]), img:not([alt]), [role=img]:not([aria-label])"),
  ...[...document.querySelectorAll("[id]")].filter(({ id }, at, all) =>
    all.findIndex((other) => other.id === id) !== at),
  ...document.querySelectorAll("table:not(:has(caption)), html:not([lang])"),
].map((flawed) => flawed.outerHTML)`;

/** WCAG contrast ratios of texts against their background. */
const CONTRASTS = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const paint = (...colours) => {
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const grounds = (shown) =>
    shown ? [...grounds(shown.parentElement), getComputedStyle(shown).backgroundColor] : [];
  const selectors = ["h1", ".quiet", "dt", ".figure", ".note", "td.state", ".address",
    ".why", ".name", "td.number", "thead button", ".events time", ".events .mark", "#connection", ".key .label"];
  return Object.fromEntries(selectors.flatMap((selector) => {
    const shown = document.querySelector(selector);
    if (!shown) return [];
    const ground = paint(...grounds(shown));
    const text = paint(...grounds(shown), getComputedStyle(shown).color);
    const ratio = (Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05);
    return [[selector, ratio]];
  }));
})()`;
