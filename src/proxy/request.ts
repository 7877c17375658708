import { idHead } from "../http/error_answer.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Client } from "./client.ts";

/** Longer than the ids of any tracing system. */
const LONGEST_ID = 200;

/** Returns the client's id for its request, or a new UUID. */
export function idOf({ headers }: Pick<Exchange, "headers">): string {
  const given = headers.get("x-request-id");
  return given && given.length <= LONGEST_ID ? given : crypto.randomUUID();
}

/** What `debug_headers` tells of an answer. */
export interface Served {
  /** The server's name. */
  readonly server: string;
  /** Why it was chosen, `undefined` once its lease has ended. */
  readonly decision: string | undefined;
}

/** Returns the headers that the router adds to an answer. */
export function headersOf(
  { id, path }: { readonly id: string; readonly path: string },
  client: Pick<Client, "headers">,
  served?: Served,
): [string, string][] {
  const headers = idHead(id, path);
  headers.push(...client.headers);
  if (!served) return headers;
  headers.push(["x-served-by", asValue(served.server)]);
  if (served.decision !== undefined) headers.push(["x-router-decision", served.decision]);
  return headers;
}

/** Percent-encodes what a header's value can't have. */
function asValue(text: string): string {
  return text.toWellFormed().replace(/[^\x20-\x7e]+/g, encodeURIComponent);
}
