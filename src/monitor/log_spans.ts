import { getLogger } from "@logtape/logtape";
import type { Tracing } from "../config/tracing_settings.ts";
import type { Listener } from "./listener.ts";

const log = getLogger("router");

/** Which requests are traced, and where their spans go, without what may contain a key. */
export function shownTracing({ sampler, url }: Tracing): { share: string; address: string } {
  const share = `${Number((sampler.ratio * 100).toFixed(4))}%`;
  return { share, address: url.replace(/\?.*/, "") };
}

/** Logs where spans go, if requests are traced. */
export function logTracing(tracing: Tracing | undefined): void {
  if (tracing) log.info("Traces of {share} of requests go to {address}", shownTracing(tracing));
}

/** Writes one warning per outage of the collector, and when it is over. */
export const logSpans: Partial<Listener> = {
  spansFailed(why) {
    log.warning("The collector takes no spans: {why}", { why });
  },
  spansRecovered(afterMs, lost) {
    log.info("The collector takes spans again, after {seconds} s; {lost} were dropped", {
      seconds: Math.round(afterMs / 1000),
      lost,
    });
  },
};
