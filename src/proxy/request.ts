import type { Client } from "./client.ts";

/** Longer than any tracing system's ids. */
const LONGEST_ID = 200;

/** The client's id for its request, or one made for it. */
export function idOf({ headers }: Request): string {
  const given = headers.get("x-request-id");
  return given && given.length <= LONGEST_ID ? given : crypto.randomUUID();
}

/** Headers that the router adds to an answer. */
export function headersOf(
  id: string,
  client: Pick<Client, "headers">,
  decision?: string,
): [string, string][] {
  const headers: [string, string][] = [["x-request-id", id], ...client.headers];
  if (decision !== undefined) headers.push(["x-router-decision", decision]);
  return headers;
}
