import type { EndDetails } from "./end_details.ts";
import { type ClientError, type Comparison, isSameError } from "./outlier.ts";
import { countAnswers, sumAnswers } from "./recent.ts";
import type { Cut, Server } from "./server.ts";
import { type Circumstances, takeOutcome } from "./transitions.ts";

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
 * others well: the first time it says so it is not asked for that one for a while.
 */
export function takeOutlier(
  server: Server,
  model: string | undefined,
  isTrial: boolean,
  details: EndDetails,
  circumstances: Circumstances,
): string {
  if (details.clientError?.isUnknownModel && model !== undefined && !server.denied.has(model)) {
    server.denied.set(model, circumstances.now + DENIED_MS);
    return server.health.reason;
  }
  return takeOutcome(server, "outlier", isTrial, details, "server", circumstances);
}

/** An answer broke off as those of full servers do: the server's page will tell. */
export function addCut({ cuts }: Server, cut: Cut): void {
  if (cuts.length < MOST_CUTS) cuts.push(cut);
}

/** The server's page was read, or could not be: that tells whether it was full. */
export function settleCuts(server: Server, isFull: boolean, circumstances: Circumstances): string {
  const outcome = isFull ? "backpressure" : "truncated";
  let { reason } = server.health;
  for (const { isTrial, details } of server.cuts.splice(0)) {
    reason = takeOutcome(server, outcome, isTrial, details, "server", circumstances);
  }
  return reason;
}
