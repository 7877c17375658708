import type { NotContinued } from "./continuation/not_continued.ts";
import type { RequestRecord } from "./request_record.ts";
import type { Trace } from "./trace.ts";
import type { Outcome } from "../fleet/outcome.ts";
import type { ServerIdentity } from "../fleet/state/server.ts";

/** A request that moves to another server. */
export interface Failover {
  /** The request's id. */
  readonly id: string;
  /** Name of the server that failed. */
  readonly from: string;
  /** Name of the server that is asked next. */
  readonly to: string;
  /** How the attempt at `from` ended. */
  readonly reason: Outcome;
}

/** A stream that goes on at another server. */
export interface Continued {
  /** The request's id. */
  readonly id: string;
  /** Name of the server that broke it off. */
  readonly from: string;
  /** Name of the server that goes on with it. */
  readonly to: string;
  /** How the answer of `from` ended. */
  readonly reason: Outcome;
}

/** Callbacks for the progress of requests. They must not throw or block. */
export interface Observer {
  /** A request is about to be sent to its first server, `overheadMs` after its body was read. */
  readonly chosen: (overheadMs: number) => void;
  /** The first bytes of a stream arrived. */
  readonly firstToken: (
    server: ServerIdentity,
    sinceAttemptMs: number,
    sinceRequestMs: number,
    model?: string,
  ) => void;
  /** A further chunk of a stream arrived, `gapMs` after the one before. Called for every chunk. */
  readonly nextToken: (gapMs: number) => void;
  /** A request moves to another server. */
  readonly failover: (failover: Failover) => void;
  /** A request was not retried because the retry budget was spent. */
  readonly retryDenied: () => void;
  /** A stream goes on at another server. */
  readonly continued: (continued: Continued) => void;
  /** A stream that broke off could not go on at another server. */
  readonly notContinued: (why: NotContinued) => void;
  /** A request ended. Its trace is absent if requests aren't traced. */
  readonly closed: (record: Readonly<RequestRecord>, trace?: Trace) => void;
}
