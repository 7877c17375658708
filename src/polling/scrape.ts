import type { ServerMetrics } from "../engines/metrics_page.ts";
import type { Scrape } from "../fleet/estimate/load.ts";
import type { Server } from "../fleet/state/server.ts";

/**
 * Returns what a page tells about a server's load; `undefined` if it tells nothing of its requests.
 *
 * @param ownInFlight the router's own requests in flight around the scrape
 */
export function scrapeOf(
  { asleep: _, ...metrics }: ServerMetrics,
  ownInFlight: number,
): Omit<Scrape, "at"> | undefined {
  const isUnknown = metrics.running === undefined && metrics.waiting === undefined;
  return isUnknown ? undefined : { ...metrics, ownInFlight };
}

/** Returns what is wrong with the configured engine if the server answers as another. */
export function wrongEngine(
  { config: { engine }, recognised }: Readonly<Pick<Server, "config" | "recognised">>,
): string | undefined {
  if (engine === undefined || recognised === undefined || recognised === engine) return undefined;
  return `it answers as ${recognised}, but engine = "${engine}" is set for it`;
}
