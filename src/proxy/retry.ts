import type { EndDetails } from "../fleet/lease.ts";
import { isFailure, type Outcome } from "../fleet/outcome.ts";
import type { ClientError } from "../vllm/error_shape.ts";
import type { Expiry } from "./attempt/outcome.ts";
import type { Usage } from "../vllm/usage.ts";

/** What of an ended attempt decides how it goes on. */
export interface Ending {
  readonly outcome: Outcome;
  /** Why the router gave it up, if it did. */
  readonly expired: Expiry | undefined;
  /** How long the answer was, where it has ended. */
  readonly usage?: Usage | undefined;
  readonly chunks?: number | undefined;
  /** What the server said, if it said anything. */
  readonly answer?: { readonly status: number; readonly headers: Headers } | undefined;
  /** What broke it, in the runtime's words. */
  readonly error?: string | undefined;
  readonly clientError?: ClientError | undefined;
  readonly afterPreamble?: boolean;
}

/**
 * Whether an attempt whose answer is not passed on goes to another server. Only attempts of which
 * no token has reached the client come here.
 *
 * @param attempts made so far, at least 1
 */
export function shouldRetry(ending: Ending, attempts: number, maxRetries: number): boolean {
  return !isFinal(ending) && attempts <= maxRetries;
}

/**
 * Whether another attempt takes one out of the retry budget. A server that went out sends away all
 * that waits there at once, and only once: that is no storm of retries.
 */
export function costsRetry({ expired }: Pick<Ending, "expired">): boolean {
  return expired !== "evicted";
}

/** Whether the router gave an attempt up for a reason that holds for every other server as well. */
export function isFinal(ending: Ending | undefined): boolean {
  return ending?.expired === "overdue" || ending?.expired === "cut_off";
}

/**
 * What a server's record takes of an attempt beside its outcome.
 *
 * @param now wall-clock time in milliseconds
 */
export function endDetails(ending: Ending, now: number): EndDetails {
  const { outcome, expired, answer, usage, chunks, clientError } = ending;
  return {
    promptTokens: usage?.promptTokens,
    // A stream's chunks are its tokens, or nearly so.
    answerTokens: usage?.completionTokens || chunks,
    // The router's own reasons; a server that is out is blamed already.
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

/** Why the router gives an attempt up for which no server is to blame, or is blamed already. */
const BLAMELESS: ReadonlySet<Expiry> = new Set(["evicted", "stopped", "overdue", "cut_off"]);

/** What a server did, for people. */
function whatHappened({ outcome, expired, answer, error, clientError }: Ending): string {
  if (clientError) {
    const told = clientError.isVllmError ? "" : ", not in a form of vLLM's";
    return `it answered ${clientError.status}${told}`;
  }
  if (outcome === "bad_status" && answer) return `it answered ${answer.status}`;
  if (expired === "silent") return "it fell silent";
  if (expired === "unreachable") return "no connection in time";
  return error ?? "its answer broke off";
}

/** Each of the three ways to write a date begins with its day; `Date.parse` takes a mere number. */
const DATE = /^\s*(mon|tue|wed|thu|fri|sat|sun)/i;

/**
 * How long a server asks to be left alone, in milliseconds.
 *
 * @param retryAfter the header's value: seconds, or a date (RFC 9110, section 10.2.3)
 * @param now wall-clock time in milliseconds
 * @returns `undefined` where there is none that can be understood
 */
export function retryAfterMs(retryAfter: string | null, now: number): number | undefined {
  if (retryAfter === null) return undefined;
  if (/^\s*\d+\s*$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const at = DATE.test(retryAfter) ? Date.parse(retryAfter) : NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
