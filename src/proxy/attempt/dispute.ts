import type { Lease } from "../../fleet/lease.ts";
import type { FirstAnswer } from "./first_answer.ts";
import { causeOf, type Given } from "./cause.ts";
import { endDetails } from "../retry.ts";

/** A failed attempt and its server. */
export interface Failed extends FirstAnswer {
  /** The server's name. */
  readonly server: string;
}

/** The failed attempts of one request. Their cause is settled once another server has answered. */
export interface Failures {
  /** The latest. */
  readonly last: Failed | undefined;
  /** The one whose answer the client gets if no server answers well. */
  readonly answered: Failed | undefined;
  /**
   * Ends a failed attempt.
   *
   * @param isSuspect its client error looks as if only this server gives it
   * @param now wall-clock time in milliseconds
   */
  add(lease: Lease, attempted: FirstAnswer, isSuspect: boolean, now: number): void;
  /**
   * Settles who caused the disputed failures. Only the first call counts.
   *
   * @param passedOn the answer that the client gets, `undefined` if that is a failure
   * @param wasRetryDenied only the retry budget prevented asking another server
   */
  settle(passedOn: Given | undefined, wasRetryDenied?: boolean): void;
}

/** Returns whether another server's answer can show who caused a failure. */
export function isDisputable(
  { outcome, expired }: FirstAnswer,
  isSuspect: boolean,
): boolean {
  if (expired) return expired === "silent";
  return isSuspect || outcome === "bad_status" || outcome === "reset" || outcome === "truncated";
}

export function createFailures(): Failures {
  const disputed: { readonly lease: Lease; readonly attempted: FirstAnswer }[] = [];
  const failures: Failures & { last: Failed | undefined; answered: Failed | undefined } = {
    last: undefined,
    answered: undefined,
    add(lease, attempted, isSuspect, now) {
      const isDisputed = isDisputable(attempted, isSuspect);
      lease.end(attempted.outcome, { ...endDetails(attempted, now), disputed: isDisputed });
      if (isDisputed) disputed.push({ lease, attempted });
      const { name: server, apiKey } = lease.server.config;
      const last = { ...attempted, server };
      failures.last = last;
      const { answered } = failures;
      // An error that may be one server's own says less than another server's answer.
      const saysLess = isSuspect && (answered || isOwnKeyRefused(attempted, apiKey));
      if (!attempted.answer || saysLess) return void attempted.answer?.rest?.end();
      answered?.answer?.rest?.end();
      failures.answered = last;
    },
    settle(passedOn, wasRetryDenied = false) {
      const all = disputed.splice(0);
      for (const { lease, attempted } of all) {
        const others = all.map((other) => other.attempted).filter((other) => other !== attempted);
        lease.settle(causeOf(attempted, others, passedOn, wasRetryDenied));
      }
      // Failed answers aren't kept while another streams.
      if (!passedOn) return;
      failures.answered?.answer?.rest?.end();
      failures.last = failures.answered = undefined;
    },
  };
  return failures;
}

/** Whether the server rejected the router's own key, which is none of the client's business. */
function isOwnKeyRefused({ answer }: FirstAnswer, apiKey: string | undefined): boolean {
  return apiKey !== undefined && (answer?.status === 401 || answer?.status === 403);
}
