import type { Outcome } from "../fleet/outcome.ts";

/** What became of a request. Times in milliseconds. */
export interface Account {
  /** The client's `x-request-id`, or one made for it. */
  readonly id: string;
  /** Path and query. */
  readonly path: string;
  /** As the client named it, `undefined` where it named none or nothing was understood. */
  model: string | undefined;
  /** The client asked for a stream. */
  stream: boolean;
  /** The server whose answer the client got, `undefined` where it got one of the router's own. */
  server: string | undefined;
  /** Servers that were asked. */
  attempts: number;
  /** What the client got; 499 if it left before. */
  status: number;
  /** Of the answer's body. */
  bytes: number;
  /** From the request's head to the answer's end. */
  durationMs: number;
  /** How the last attempt ended, or `rejected` where the router answered itself. */
  outcome: Outcome | "rejected";
}

/** Opens a request's account; `close` completes it, once, and hands it on. */
export function openAccount(
  id: string,
  path: string,
  onClosed: (account: Readonly<Account>) => void,
): {
  account: Account;
  close(outcome: Account["outcome"], status: number, bytes: number): void;
} {
  const startedAt = performance.now();
  const account: Account = {
    id,
    path,
    model: undefined,
    stream: false,
    server: undefined,
    attempts: 0,
    status: 0,
    bytes: 0,
    durationMs: 0,
    outcome: "rejected",
  };
  return {
    account,
    close(outcome, status, bytes) {
      account.outcome = outcome;
      account.status = status;
      account.bytes = bytes;
      account.durationMs = performance.now() - startedAt;
      onClosed(account);
    },
  };
}
