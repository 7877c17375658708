import { decay } from "./decaying_regression.ts";
import { UNCALIBRATED, withCounters } from "./hit_calibration.ts";
import { USUAL_CACHE_TOKENS } from "./cached_prompts.ts";
import { computedIn } from "./counter_deltas.ts";
import type { Scrape } from "./load.ts";
import type { ServerEstimate } from "./server_estimate.ts";

/** Upper bound for a reported batch, in multiples of the capacity or of own requests. */
const MOST_TIMES_RAN = 10;

type Counted = "counters" | "running" | "ownInFlight" | "kvCacheTokens";

/**
 * Records a server's counters. Returns whether the server has restarted, which empties its cache, or
 * has filled it with other prompts since its counters were saved.
 *
 * @param capacity the configured number of concurrent requests
 */
export function count(
  estimate: ServerEstimate,
  { counters, ownInFlight, kvCacheTokens, ...reported }: Pick<Scrape, Counted>,
  capacity: number,
  now: number,
): "anew" | "same" {
  const most = MOST_TIMES_RAN * Math.max(capacity, ownInFlight);
  const running = Math.min(reported.running ?? 0, most);
  const before = estimate.counters;
  estimate.counters = counters;
  const fell = (name: "prompt" | "prefixQueries") =>
    (counters?.[name] ?? 0) < (before?.[name] ?? 0);
  const isRefilled = estimate.countedAt === 0 && before && counters &&
    computedIn(counters) - computedIn(before) > (kvCacheTokens ?? USUAL_CACHE_TOKENS);
  if (before && counters && (fell("prompt") || fell("prefixQueries") || isRefilled)) {
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
