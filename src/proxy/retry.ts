import type { FieldMap } from "../http/field_map.ts";
import type { EndDetails } from "../fleet/lease.ts";
import { isFailure, type Outcome } from "../fleet/outcome.ts";
import type { ClientError } from "../vllm/error_shape.ts";
import type { Expiry } from "./attempt/outcome.ts";
import type { Usage } from "../vllm/usage.ts";

/** The facts about an ended attempt that decide what happens next. */
export interface Ending {
  readonly outcome: Outcome;
  /** Why the router aborted it, if it did. */
  readonly expired: Expiry | undefined;
  /** How long the answer was, if it has ended. */
  readonly usage?: Usage | undefined;
  readonly chunks?: number | undefined;
  /** The server's answer, if any. */
  readonly answer?: { readonly status: number; readonly headers: FieldMap } | undefined;
  /** The runtime's message for what broke it. */
  readonly error?: string | undefined;
  readonly clientError?: ClientError | undefined;
  readonly afterPreamble?: boolean;
}

/**
 * Returns whether an attempt whose answer is not passed on is retried at another server. Called
 * only for attempts of which no token has reached the client.
 *
 * @param attempts made so far, at least 1
 */
export function shouldRetry(ending: Ending, attempts: number, maxRetries: number): boolean {
  return !isFinal(ending) && attempts <= maxRetries;
}

/**
 * Returns whether retrying costs one retry of the budget. A server that is removed from rotation
 * evicts all its waiting requests at once, but only once, so this can't become a retry storm.
 */
export function costsRetry({ expired }: Pick<Ending, "expired">): boolean {
  return expired !== "evicted" && expired !== "drained";
}

/** Returns whether the router aborted an attempt for a reason that applies to every server. */
export function isFinal(ending: Ending | undefined): boolean {
  return ending?.expired === "overdue" || ending?.expired === "cut_off";
}

/**
 * Returns what a server's record needs of an attempt besides its outcome.
 *
 * @param now wall-clock time in milliseconds
 */
export function endDetails(ending: Ending, now: number): EndDetails {
  const { outcome, expired, answer, usage, chunks, clientError } = ending;
  return {
    promptTokens: usage?.promptTokens,
    cachedTokens: usage?.cachedTokens,
    // A stream has about one token per chunk.
    answerTokens: usage?.completionTokens || chunks,
    // The router aborted it for its own reasons, or the server has already been blamed.
    blameless: expired !== undefined && BLAMELESS.has(expired),
    ...(ending.afterPreamble && { afterPreamble: true }),
    unreachable: expired === "unreachable",
    what: isFailure(outcome) || clientError ? whatHappened(ending) : undefined,
    clientError,
    retryAfterMs: outcome === "backpressure" && answer
      ? retryAfterMs(answer.headers.get("retry-after"), now)
      : undefined,
  };
}

/** Why the router aborts an attempt without blaming the server, or having blamed it already. */
const BLAMELESS: ReadonlySet<Expiry> = new Set([
  "evicted",
  "stopped",
  "drained",
  "overdue",
  "cut_off",
]);

/** Describes a failure for humans. */
function whatHappened({ outcome, expired, answer, error, clientError }: Ending): string {
  if (clientError) {
    const form = clientError.isVllmError ? "" : ", not in a form of vLLM's";
    return `it answered ${clientError.status}${form}`;
  }
  if (outcome === "bad_status" && answer) return `it answered ${answer.status}`;
  if (expired === "silent") return "it fell silent";
  if (expired === "unreachable") return "no connection in time";
  return error ?? "its answer broke off";
}

/** All three date formats begin with the weekday; `Date.parse` accepts a bare number as well. */
const DATE = /^\s*(mon|tue|wed|thu|fri|sat|sun)/i;

/**
 * Parses `Retry-After` to milliseconds.
 *
 * @param retryAfter the header's value: seconds, or a date (RFC 9110, section 10.2.3)
 * @param now wall-clock time in milliseconds
 * @returns `undefined` if the header is missing or malformed
 */
export function retryAfterMs(retryAfter: string | null, now: number): number | undefined {
  if (retryAfter === null) return undefined;
  if (/^\s*\d+\s*$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const at = DATE.test(retryAfter) ? Date.parse(retryAfter) : NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
