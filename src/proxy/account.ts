import { isFailure, type Outcome } from "../fleet/outcome.ts";
import type { Usage } from "./usage.ts";

/** What became of a request. Times in milliseconds. */
export interface Account {
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
  /** The server whose answer the client got, `undefined` where it got one of the router's own. */
  server: string | undefined;
  /** The last server that was asked. */
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

/** How a request ended, in the four words that logs and metrics know. */
export type Ending = "ok" | "client_closed" | "upstream_error" | "rejected";

/** A client's own error, passed on, is a request that went as it should. */
export function endingOf({ outcome }: Pick<Account, "outcome">): Ending {
  if (outcome === "rejected" || outcome === "client_closed") return outcome;
  return isFailure(outcome) ? "upstream_error" : "ok";
}

/** An account with nothing in it yet but who asked for what. */
export function openAccount(
  { id, client, method, path }: Pick<Account, "id" | "method" | "path"> & {
    readonly client: { readonly address: string; readonly keyName: string | undefined };
  },
): Account {
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
