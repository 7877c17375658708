/** The expected outcome of a request, at the client and at the servers. */
export interface Fate {
  /** Statuses of the responses, in order. */
  readonly answers: readonly number[];
  /** Whether the last one may be lost because the connection closes while bytes still arrive. */
  readonly mayBeLost?: true;
  /** State of the connection afterwards: reusable, closed, or waiting for the rest of the request. */
  readonly then: "open" | "closed" | "waits";
  /** Requests that reach a server. */
  readonly reaches: readonly { readonly target: string; readonly body: string }[];
}

/** Outcomes that differ between the router's own HTTP/1.1 and the runtime's. */
export interface Fates {
  readonly own: Fate;
  readonly deno: Fate;
}

/** A name, the bytes as text with one byte per character, and the outcome. */
export type Row = readonly [name: string, bytes: string, fate: Fate | Fates];

export const CHAT = "/v1/chat/completions";
/** Specifies no model, so that any server may answer. */
export const BODY = `{"a":1}`;
export const LENGTH = `Content-Length: ${BODY.length}`;

/** A malformed request is answered by the parser, which closes the connection. */
export const refused: Fate = { answers: [400], then: "closed", reaches: [] };
/** The router's own parser says why, where the runtime's says 400. */
export const refusedAs = (status: number): Fates => ({
  own: { ...refused, answers: [status] },
  deno: refused,
});
/** Like `refused`, but the parser stops reading before the end of the request. */
export const tooLong: Fates = {
  own: { ...refused, answers: [431], mayBeLost: true },
  deno: { ...refused, mayBeLost: true },
};
/** What the router's own parser refuses, and the runtime's does not. */
export const strictly = (status: number, deno: Fate): Fates => ({
  own: { ...refused, answers: [status] },
  deno,
});
/** The router's status for a malformed or incomplete body. */
export const BROKEN_BODY = 400;
/** A malformed body closes the connection, with or without a response. */
export const cut: Fate = { answers: [BROKEN_BODY], mayBeLost: true, then: "closed", reaches: [] };
/** The request isn't complete yet. */
export const waits: Fate = { answers: [], then: "waits", reaches: [] };
/** The router's own response. */
export const turnedAway = (status: number): Fate => ({
  answers: [status],
  then: "open",
  reaches: [],
});
/** A server receives it as a well-formed request. */
export const forwarded = (
  { body = BODY, target = CHAT, then = "open" }: {
    body?: string;
    target?: string;
    then?: "open" | "closed";
  } = {},
): Fate => ({ answers: [200], then, reaches: [{ target, body }] });

/** A well-formed request, except for the given parts. */
export function post(
  { line = `POST ${CHAT} HTTP/1.1`, host = "Host: router", lines = [LENGTH], body = BODY }: {
    line?: string;
    host?: string | null;
    lines?: readonly string[];
    body?: string;
  } = {},
): string {
  return [line, ...(host === null ? [] : [host]), ...lines, "", body].join("\r\n");
}

export const withLines = (...lines: string[]) => post({ lines: [...lines, LENGTH] });
export const toTarget = (target: string) => post({ line: `POST ${target} HTTP/1.1` });
/** The request that an attacker tries to smuggle. */
export const HIDDEN = "POST /sleep HTTP/1.1\r\nHost: server\r\nContent-Length: 0\r\n\r\n";
