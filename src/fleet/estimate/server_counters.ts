import { decay } from "./decaying_regression.ts";
import { UNCALIBRATED, withCounters } from "./hit_calibration.ts";
import type { Scrape } from "./load.ts";
import type { ServerEstimate } from "./server_estimate.ts";

/** Upper bound for a reported batch, in multiples of the capacity or of own requests. */
const MOST_TIMES_RAN = 10;

/**
 * Records a server's counters. Returns whether the server has restarted, which empties its cache.
 *
 * @param capacity the configured number of concurrent requests
 */
export function count(
  estimate: ServerEstimate,
  { counters, ownInFlight, ...reported }: Pick<Scrape, "counters" | "running" | "ownInFlight">,
  capacity: number,
  now: number,
): "anew" | "same" {
  const most = MOST_TIMES_RAN * Math.max(capacity, ownInFlight);
  const running = Math.min(reported.running ?? 0, most);
  const before = estimate.counters;
  estimate.counters = counters;
  const fell = (name: "prompt" | "prefixQueries") =>
    (counters?.[name] ?? 0) < (before?.[name] ?? 0);
  if (before && counters && (fell("prompt") || fell("prefixQueries"))) {
    estimate.calibration = { ...UNCALIBRATED, share: estimate.calibration.share };
    estimate.mostRan = running;
    return "anew";
  }
  estimate.mostRan = Math.max(decay(now - estimate.countedAt) * estimate.mostRan, running);
  estimate.countedAt = now;
  estimate.calibration = withCounters(estimate.calibration, ...foundIn(counters), now);
  return "same";
}

/**
 * Tokens of prompts, and those of them that were found in a cache. What vLLM counts by source is
 * nearer to what the router sends: aborted and preempted prompts aren't in it.
 */
function foundIn(
  counters: Scrape["counters"],
): [queries: number | undefined, hits: number | undefined] {
  const { prompt, computed, prefixQueries, prefixHits } = counters ?? {};
  return prompt !== undefined && computed !== undefined
    ? [prompt, prompt - computed]
    : [prefixQueries, prefixHits];
}
