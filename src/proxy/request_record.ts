import { isFailure, type Outcome } from "../fleet/outcome.ts";
import type { Usage } from "../vllm/usage.ts";

/** The record of a request. Times in milliseconds. */
export interface RequestRecord {
  /** The client's `x-request-id`, or one generated for it. */
  readonly id: string;
  /** The client's address, without its port. */
  readonly client: string;
  /** The name of the key that the client sent, `undefined` if none is required. */
  readonly key: string | undefined;
  /** The HTTP method. */
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** The model that ran, `undefined` if none was named or the request could not be read. */
  model: string | undefined;
  /** The model's name as the client asked for it, if another one ran. */
  asked: string | undefined;
  /** The client asked for a stream. */
  stream: boolean;
  /** Name of the server whose answer the client got, `undefined` for one of the router's own. */
  server: string | undefined;
  /** Name of the last server that was asked. */
  lastServer: string | undefined;
  /** Number of servers asked. */
  attempts: number;
  /** Number of servers that went on with the stream of another one. */
  continuations: number;
  /**
   * The status that the client got, or would have got if the head of its stream had not already
   * been sent; 499 if it disconnected before.
   */
  status: number;
  /** Bytes of the answer's body. */
  bytes: number;
  /** From the request's head to a stream's first bytes; `undefined` for other answers. */
  firstTokenMs: number | undefined;
  /** From the request's head to the answer's end. */
  durationMs: number;
  /** Tokens as the answer reported them. */
  usage: Usage | undefined;
  /** The answer's id, for created responses, and for any answer whose trace is sampled. */
  responseId: string | undefined;
  /** Why the answer's choices ended, as its server says, if its trace is sampled. */
  finishReasons: readonly string[] | undefined;
  /** Tokens expected at entry, if a limit of tokens applies. */
  expected: Usage | undefined;
  /** Events of its streams that servers sent, counted only if a limit of tokens applies. */
  events: number;
  /** The limit of its key's tokens that it didn't fit. */
  limit: string | undefined;
  /** The message of the router's own error, if that is what the client got. */
  error: string | undefined;
  /** How the last attempt ended, or `rejected` if there was none. */
  outcome: Outcome | "rejected";
}

/**
 * How a request ended, as the log reports it: answered well (`ok`), with a 400 to 499 from a
 * server that is the client's own error, without an answer since the client left, with a server's
 * failure, or by the router itself before any server was asked.
 */
export type Ending = "ok" | "client_error" | "client_closed" | "upstream_error" | "rejected";

/** Maps a record's outcome to its ending. */
export function endingOf({ outcome }: Pick<RequestRecord, "outcome">): Ending {
  if (outcome === "rejected") return outcome;
  return isFailure(outcome) ? "upstream_error" : outcome;
}

/** Creates a record that contains only the client and what it asked for. */
export function openRecord(
  { id, client, method, path }: Pick<RequestRecord, "id" | "method" | "path"> & {
    readonly client: { readonly address: string; readonly keyName: string | undefined };
  },
): RequestRecord {
  return {
    id,
    client: client.address,
    key: client.keyName,
    method,
    path,
    model: undefined,
    asked: undefined,
    stream: false,
    server: undefined,
    lastServer: undefined,
    attempts: 0,
    continuations: 0,
    // Until a status is set.
    status: 500,
    bytes: 0,
    firstTokenMs: undefined,
    durationMs: 0,
    usage: undefined,
    responseId: undefined,
    finishReasons: undefined,
    expected: undefined,
    events: 0,
    limit: undefined,
    error: undefined,
    outcome: "rejected",
  };
}
