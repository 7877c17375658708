import { getLogger } from "@logtape/logtape";
import type { Tracing } from "../config/tracing_settings.ts";
import type { Listener } from "./listener.ts";

const log = getLogger("router");

/** Describes where spans go, without what may contain a key, such as `100% of requests to …`. */
export function describeTracing({ sampler, url }: Tracing): string {
  const share = `${Number((sampler.ratio * 100).toFixed(4))}% of requests`;
  return `${share} to ${url.replace(/\?.*/, "")}`;
}

/** Logs where spans go, if requests are traced. */
export function logTracing(tracing: Tracing | undefined): void {
  if (tracing) log.info("Traces of {what}", { what: describeTracing(tracing) });
}

/** Writes one warning per outage of the collector, and when it is over. */
export const logSpans: Partial<Listener> = {
  spansFailed(why) {
    log.warning("The collector takes no spans: {why}. They wait for it until their queue is full", {
      why,
    });
  },
  spansRecovered(afterMs, lost) {
    log.info("The collector takes spans again, after {seconds} s; {lost} were dropped", {
      seconds: Math.round(afterMs / 1000),
      lost,
    });
  },
};
