import type { EndDetails, Settled } from "../attempt_end.ts";
import { isFull } from "../state/engine.ts";
import { type ClientError, type Comparison, isSameError } from "./outlier_detection.ts";
import type { Outcome } from "../outcome.ts";
import { countAnswers, sumAnswers } from "./recent_answers.ts";
import type { Server } from "../state/server.ts";
import { applyOutcome, type Circumstances } from "../state/server_events.ts";

/** For so long a server isn't asked for a model that it lists and said it doesn't have. */
const DENIED_MS = 10_000;
/** Far more than are needed to take a server out. */
const MOST_CUTS = 100;

/**
 * How a server stands beside the others that have the model, for a client error that it gave.
 *
 * @param now monotonic time in milliseconds
 */
export function comparisonOf(
  server: Readonly<Server>,
  servers: readonly Readonly<Server>[],
  model: string | undefined,
  error: ClientError,
  now: number,
): Comparison {
  const { cleared, config, recent } = server;
  const others = servers.filter((other) =>
    other !== server && (model === undefined || other.models.has(model))
  );
  return {
    usesOwnKey: config.apiKey !== undefined,
    isCleared: cleared !== undefined && now < cleared.until && isSameError(cleared.error, error),
    own: countAnswers(recent, now),
    others: sumAnswers(others.map(({ recent }) => countAnswers(recent, now))),
  };
}

/**
 * Another server answered well what this one refused. It may have lost one model and serve the
 * others well: it is not asked for that one for a while.
 */
function takeOutlier(
  server: Server,
  model: string | undefined,
  isTrial: boolean,
  details: EndDetails,
  circumstances: Circumstances,
): string {
  if (details.clientError?.isUnknownModel && model !== undefined) {
    const deniedAt = (server.denied.get(model) ?? Infinity) - DENIED_MS;
    server.denied.set(model, circumstances.now + DENIED_MS);
    // Several may be told so at once: it is to blame where its list was read since and names it.
    if (!((server.modelsUpdatedAt ?? -Infinity) > deniedAt)) return server.health.reason;
  }
  return applyOutcome(server, "outlier", isTrial, details, "server", circumstances);
}

/** What an outcome is now that its cause is known, and perhaps that the server is full. */
export function settledOutcome(
  { outcome, details, cause }: Settled,
  isFull: boolean,
): Outcome {
  const isServers = cause === "server" && details.disputed === true;
  if (outcome === "client_error" && isServers) return "outlier";
  return isCut(outcome, details) && isFull ? "backpressure" : outcome;
}

/** What that makes of a server. Answers that were cut off wait until its page is read. */
export function takeSettled(
  server: Server,
  model: string | undefined,
  { outcome, isTrial, details, cause }: Settled,
  circumstances: Circumstances,
): string {
  if (outcome === "outlier") return takeOutlier(server, model, isTrial, details, circumstances);
  if (!isCut(outcome, details) || cause !== "server") {
    return applyOutcome(server, outcome, isTrial, details, cause, circumstances);
  }
  if (server.cuts.length < MOST_CUTS) server.cuts.push({ isTrial, details });
  return server.health.reason;
}

/** Full servers break off after what they say before their engines begin, without a word. */
function isCut(outcome: Outcome, { afterPreamble }: EndDetails): boolean {
  return outcome === "truncated" && afterPreamble === true;
}

/** The server's page was read, or could not be: that tells whether it was full. */
export function settleCuts(server: Server, circumstances: Circumstances): string {
  const { settings, now } = circumstances;
  const outcome = isFull(server, settings, now) ? "backpressure" : "truncated";
  let { reason } = server.health;
  for (const { isTrial, details } of server.cuts.splice(0)) {
    reason = applyOutcome(server, outcome, isTrial, details, "server", circumstances);
  }
  return reason;
}
