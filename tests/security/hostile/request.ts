/** What becomes of a request, at the client and at the servers. */
export interface Fate {
  /** The statuses of the answers, in their order. */
  readonly answers: readonly number[];
  /** The last of them may get lost on a connection that is closed while bytes are still coming. */
  readonly mayBeLost?: true;
  /** The connection afterwards: as good as new, closed, or waiting for more of the request. */
  readonly then: "open" | "closed" | "waits";
  /** What a server gets of it. */
  readonly reaches: readonly { readonly target: string; readonly body: string }[];
}

/** A name, the bytes as text with one byte a character, and what becomes of them. */
export type Row = readonly [name: string, bytes: string, fate: Fate];

export const CHAT = "/v1/chat/completions";
/** Names no model, so that any server may answer it. */
export const BODY = `{"a":1}`;
export const LENGTH = `Content-Length: ${BODY.length}`;

/** The runtime's answer to what it can't read: it says no more and hears no more. */
export const refused: Fate = { answers: [400], then: "closed", reaches: [] };
/** As `refused`, where the runtime stops reading before the request's end. */
export const tooLong: Fate = { ...refused, mayBeLost: true };
/** What the router says where a body turns out wrong or doesn't end. */
export const BROKEN_BODY = 400;
/** A body that turns out wrong ends the connection, with an answer or without. */
export const cut: Fate = { answers: [BROKEN_BODY], mayBeLost: true, then: "closed", reaches: [] };
/** The request isn't whole yet. */
export const waits: Fate = { answers: [], then: "waits", reaches: [] };
/** The router's own answer. */
export const turnedAway = (status: number): Fate => ({
  answers: [status],
  then: "open",
  reaches: [],
});
/** A server gets it as a clean request. */
export const forwarded = (
  { body = BODY, target = CHAT, then = "open" }: {
    body?: string;
    target?: string;
    then?: "open" | "closed";
  } = {},
): Fate => ({ answers: [200], then, reaches: [{ target, body }] });

/** A request that is in order but for what it is given. */
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
/** What a smuggler would have a server take for a request of its own. */
export const HIDDEN = "POST /sleep HTTP/1.1\r\nHost: server\r\nContent-Length: 0\r\n\r\n";
