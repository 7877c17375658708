import { getLogger } from "@logtape/logtape";
import type { Tracing } from "../config/tracing_settings.ts";
import type { Listener } from "./listener.ts";

const log = getLogger("router");

/** Returns the collector's address without its query, which may contain a key. */
export function addressOf({ url }: Pick<Tracing, "url">): string {
  return url.replace(/\?.*/, "");
}

/** Logs where spans go, if requests are traced. The headers may contain keys. */
export function logTracing(tracing: Tracing | undefined): void {
  if (!tracing) return;
  const share = `${Number((tracing.sampler.ratio * 100).toFixed(4))}%`;
  log.info("Traces of {share} of requests go to {url}", { share, url: addressOf(tracing) });
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
