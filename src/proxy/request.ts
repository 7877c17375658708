import type { Exchange } from "../http/exchange.ts";
import type { Client } from "./client.ts";

/** Longer than the ids of any tracing system. */
const LONGEST_ID = 200;

/** Returns the client's id for its request, or a new UUID. */
export function idOf({ headers }: Pick<Exchange, "headers">): string {
  const given = headers.get("x-request-id");
  return given && given.length <= LONGEST_ID ? given : crypto.randomUUID();
}

/** Returns the headers that the router adds to an answer. */
export function headersOf(
  id: string,
  client: Pick<Client, "headers">,
  decision?: string,
): [string, string][] {
  const headers: [string, string][] = [["x-request-id", id], ...client.headers];
  if (decision !== undefined) headers.push(["x-router-decision", decision]);
  return headers;
}
