import type { RequestRecord } from "./request_record.ts";
import type { Outcome } from "../fleet/outcome.ts";
import type { ServerIdentity } from "../fleet/state/server.ts";

/** A request moves to another server. */
export interface Failover {
  /** The request's id. */
  readonly id: string;
  /** Name of the server that failed. */
  readonly from: string;
  /** Name of the server that is asked next. */
  readonly to: string;
  /** How the attempt before ended. */
  readonly reason: Outcome;
}

/** Whoever wants to know how requests fare. None of it may throw, or take long. */
export interface Observer {
  /** A request is about to be sent to its first server, so long after its body was here. */
  readonly chosen: (overheadMs: number) => void;
  /** A stream's first bytes are here. */
  readonly firstToken: (
    server: ServerIdentity,
    sinceAttemptMs: number,
    sinceRequestMs: number,
  ) => void;
  /** A stream's next bytes are here, so long after those before. Called for every chunk. */
  readonly nextToken: (gapMs: number) => void;
  /** A request goes to another server. */
  readonly failover: (failover: Failover) => void;
  /** A request would have gone to another server, but the retry budget was spent. */
  readonly retryHeldBack: () => void;
  /** A request ended. */
  readonly closed: (record: Readonly<RequestRecord>) => void;
}
