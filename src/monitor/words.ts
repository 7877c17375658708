import type { Config } from "../config/config.ts";
import type { RequestRecord } from "../proxy/request_record.ts";

type Outcome = RequestRecord["outcome"];

const WORDS: Partial<Readonly<Record<Outcome, string>>> = {
  outlier: "it rejected what other servers accept",
  refused: "no connection",
  reset: "the connection broke before the answer",
  timeout: "no answer in time",
  bad_status: "it answered with a server error",
  backpressure: "it is overloaded",
  draining: "it is shutting down",
  aborted: "it aborted the answer",
  truncated: "the answer broke off",
};

/** Returns how a request, or an attempt at a server, ended, in words for people. */
export function inWords(outcome: Outcome): string {
  // `top` shows outcomes of routers that may be of another version, or anything.
  return Object.hasOwn(WORDS, outcome) ? WORDS[outcome]! : outcome;
}

/**
 * Counts the servers that a configuration lists, and its sources: `2 servers and 1 source`, or
 * `no servers`.
 */
export function countsOf({ servers, discovery }: Pick<Config, "servers" | "discovery">): string {
  const counts = [[servers.length, "server"], [discovery.length, "source"]] as const;
  const shown = counts.filter(([count]) => count > 0)
    .map(([count, thing]) => `${count} ${thing}${count === 1 ? "" : "s"}`);
  return shown.join(" and ") || "no servers";
}
