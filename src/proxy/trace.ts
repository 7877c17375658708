import type { Lease } from "../fleet/lease.ts";
import type { FieldMap } from "../http/field_map.ts";
import type { RequestRecord } from "./request_record.ts";

/** The trace of a request (docs/tracing.md). */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** Whether its spans are exported. Otherwise it has ids only. */
  readonly isSampled: boolean;
  /**
   * Begins the span of an attempt, which ends with its lease.
   *
   * @param isContinuation whether the server goes on with another one's stream
   */
  attempt(lease: Lease, isContinuation: boolean): AttemptTrace;
  /** Ends the span of the request. */
  end(record: Readonly<RequestRecord>): void;
}

/** One attempt in the trace of its request. */
export interface AttemptTrace {
  /** Sent to the server in place of the client's `traceparent` and `tracestate`. */
  readonly headers: readonly [string, string][];
  /**
   * Called when an answer can be passed on, or none has come. Absent if the trace isn't sampled.
   *
   * @param status the status of the answer's head, if one has come
   * @param isStream whether its first token has come
   */
  readonly answered?: (status: number | undefined, isStream: boolean) => void;
}

/** Begins the trace of a request, as its headers ask for it. */
export type Tracer = (headers: FieldMap) => Trace;
