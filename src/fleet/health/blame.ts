import type { EndDetails, Settled } from "../attempt_end.ts";
import { isFull } from "../state/engine.ts";
import { type ClientError, type Comparison, isSameError } from "./outlier_detection.ts";
import type { Outcome } from "../outcome.ts";
import { countAnswers, sumAnswers } from "./recent_answers.ts";
import type { Server } from "../state/server.ts";
import { applyOutcome, type Circumstances } from "../state/server_events.ts";

/** How long a server isn't asked for a model that it lists but said it doesn't have. */
const DENIED_MS = 10_000;
/** Far more than are needed to eject a server. */
const MOST_CUTS = 100;

/**
 * Compares a server that returned a client error with the others that have the model.
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
 * Records that another server answered a request that this one refused. A server that lost one
 * model may serve its others well, so only that model is denied for a while.
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
    // Several requests may be refused at once. The server is blamed only if its list was read since
    // and still has the model.
    if (!((server.modelsUpdatedAt ?? -Infinity) > deniedAt)) return server.health.reason;
  }
  return applyOutcome(server, "outlier", isTrial, details, "server", circumstances);
}

/** Returns the outcome given its cause and whether the server is full. */
export function settledOutcome(
  { outcome, details, cause }: Settled,
  isFull: boolean,
): Outcome {
  const isServers = cause === "server" && details.disputed === true;
  if (outcome === "client_error" && isServers) return "outlier";
  return isCut(outcome, details) && isFull ? "backpressure" : outcome;
}

/** Applies a settled outcome. Answers that were cut off wait for the next scrape. */
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

/** Whether a stream broke off after its preamble, as full servers do. */
function isCut(outcome: Outcome, { afterPreamble }: EndDetails): boolean {
  return outcome === "truncated" && afterPreamble === true;
}

/** Settles cut-off answers after a scrape, or a failed one, by whether the server was full. */
export function settleCuts(server: Server, circumstances: Circumstances): string {
  const { settings, now } = circumstances;
  const outcome = isFull(server, settings, now) ? "backpressure" : "truncated";
  let { reason } = server.health;
  for (const { isTrial, details } of server.cuts.splice(0)) {
    reason = applyOutcome(server, outcome, isTrial, details, "server", circumstances);
  }
  return reason;
}
