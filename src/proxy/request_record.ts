import { isFailure, type Outcome } from "../fleet/outcome.ts";
import type { Usage } from "../vllm/usage.ts";

/** What became of a request. Times in milliseconds. */
export interface RequestRecord {
  /** The client's `x-request-id`, or one made for it. */
  readonly id: string;
  /** The client's address, without its port. */
  readonly client: string;
  /** The name of the key that the client showed, `undefined` where none is asked for. */
  readonly key: string | undefined;
  /** Its method. */
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** As the client named it, `undefined` where it named none or nothing was understood. */
  model: string | undefined;
  /** The client asked for a stream. */
  stream: boolean;
  /** Name of the server whose answer the client got, `undefined` where it got one of the router's own. */
  server: string | undefined;
  /** Name of the last server that was asked. */
  lastServer: string | undefined;
  /** Servers that were asked. */
  attempts: number;
  /**
   * What the client got, or would have if the head of its stream hadn't been out; 499 if it left
   * before.
   */
  status: number;
  /** Of the answer's body. */
  bytes: number;
  /** From the request's head to a stream's first bytes; `undefined` where it was no stream. */
  firstTokenMs: number | undefined;
  /** From the request's head to the answer's end. */
  durationMs: number;
  /** Tokens as the answer told them. */
  usage: Usage | undefined;
  /** How the last attempt ended, or `rejected` where there was none. */
  outcome: Outcome | "rejected";
}

/**
 * How a request ended, in the words of the log: answered well, with a client's own error of 400 to
 * 499 that a server gave, not at all since the client left, with what a server failed at, or by the
 * router itself before any server was asked.
 */
export type Ending = "ok" | "client_error" | "client_closed" | "upstream_error" | "rejected";

/** The ending that an outcome amounts to. */
export function endingOf({ outcome }: Pick<RequestRecord, "outcome">): Ending {
  if (outcome === "rejected") return outcome;
  return isFailure(outcome) ? "upstream_error" : outcome;
}

/** An account with nothing in it yet but who asked for what. */
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
    stream: false,
    server: undefined,
    lastServer: undefined,
    attempts: 0,
    // As long as nothing else is said.
    status: 500,
    bytes: 0,
    firstTokenMs: undefined,
    durationMs: 0,
    usage: undefined,
    outcome: "rejected",
  };
}
