import type { Page } from "playwright-core";
import { startFleet } from "../support/fleet.ts";
import type { TestFleet, TestFleetOptions } from "../support/fleet.ts";
import { until } from "../support/until.ts";
import { hasChromium } from "./browser.ts";

if (!hasChromium) {
  console.log("No Chromium, the dashboard's tests are skipped: apt-get install chromium");
}

/** Registers a test that needs a browser; skipped without one. */
export function browserTest(name: string, test: () => Promise<void>): void {
  Deno.test({
    name,
    ignore: !hasChromium,
    // playwright-core keeps handles of the browser process after it has ended.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: test,
  });
}

/** Starts a fleet with the default intervals. */
export function startRealFleet(servers: TestFleetOptions["servers"]): Promise<TestFleet> {
  return startFleet({
    servers,
    settings: { metrics_interval: 0.5, health_check_interval: 10, health_check_timeout: 5 },
  });
}

/** What the page shows about one server, by column. */
export type ShownRow = Readonly<Record<string, string>>;

/** Returns the current rows of the fleet table, in order. */
export function shownRows(page: Page): Promise<ShownRow[]> {
  return page.$$eval("#rows tr[data-url]", (lines) =>
    lines.map((line: PageElement) => ({
      url: line.getAttribute("data-url"),
      shownState: line.getAttribute("data-state"),
      name: line.querySelector(".name").textContent,
      ...Object.fromEntries(
        Array.from(line.querySelectorAll("td"), (cell: PageElement) => [
          cell.getAttribute("data-column"),
          (cell.querySelector(".meter-text") ?? cell).textContent,
        ]),
      ),
    })));
}

/** An element within the page. Deno has no types for the DOM. */
// deno-lint-ignore no-explicit-any
type PageElement = any;

/** Returns the text of an element. */
export async function textOf(page: Page, selector: string): Promise<string> {
  return await page.textContent(selector) ?? "";
}

/** Waits until the page shows this many servers. */
export async function untilShown(page: Page, servers: number): Promise<void> {
  await until(
    `${servers} servers are shown`,
    async () => await page.locator("#rows tr[data-url]").count() === servers,
  );
}
