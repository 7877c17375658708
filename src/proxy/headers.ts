import type { Client } from "./client.ts";
import { type ApiError, headTooLarge } from "../http/api_errors.ts";

/** Headers of one connection, which a proxy must not pass on (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What of a client's head must not reach a server, or is made anew for each attempt. */
const NOT_TO_SERVERS = new Set([
  ...HOP_BY_HOP,
  "accept-encoding",
  "content-encoding",
  "content-length",
  "endpoint-load-metrics-format",
  "expect",
  "host",
  "x-data-parallel-rank",
  "x-request-id",
]);

/** What says who a client is, and is believed of few. */
const FORWARDED = /^(forwarded|x-forwarded-.*|x-real-ip)$/;
/** Where clients show keys. */
const KEYS = ["authorization", "x-api-key", "api-key"];

/** Far more than any client sends. */
const MOST_HEADERS = 100;
const LONGEST_HEAD = 32 * 1024;

/** Of whom headers come. */
export type Sender = Pick<Client, "showsRoutersKey" | "isTrusted">;

/**
 * The client's headers as servers get them, without those that differ between attempts. Servers
 * are asked not to compress: `fetch` would undo it and leave the header that says so.
 *
 * @returns an error where there are too many, or too long ones
 */
export function headersForServers(
  client: Headers,
  { showsRoutersKey, isTrusted }: Sender,
): [string, string][] | ApiError {
  const named = namedInConnection(client);
  const kept: [string, string][] = [["accept-encoding", "identity"]];
  let count = 0;
  let length = 0;
  for (const entry of client) {
    const [name, value] = entry;
    count++;
    length += name.length + value.length;
    if (NOT_TO_SERVERS.has(name) || named?.has(name)) continue;
    if (!isTrusted && FORWARDED.test(name)) continue;
    if (showsRoutersKey && KEYS.includes(name)) continue;
    kept.push(entry);
  }
  return count > MOST_HEADERS || length > LONGEST_HEAD ? headTooLarge : kept;
}

/** One attempt's headers: its own request id, and the server's key in place of the client's. */
export function headersForAttempt(
  shared: readonly [string, string][],
  attemptId: string,
  apiKey: string | undefined,
): [string, string][] {
  const headers = apiKey === undefined
    ? shared.slice()
    : shared.filter(([name]) => !KEYS.includes(name));
  headers.push(["x-request-id", attemptId]);
  if (apiKey !== undefined) headers.push(["authorization", `Bearer ${apiKey}`]);
  return headers;
}

/**
 * What of a server's head the client gets from the router instead, as framing is made anew, or what
 * would tell where the server is or send the client there.
 */
const NOT_TO_CLIENTS = new Set([
  ...HOP_BY_HOP,
  "access-control-allow-credentials",
  "access-control-allow-origin",
  "alt-svc",
  "content-length",
  "content-location",
  "location",
  "refresh",
  "x-request-id",
]);

/**
 * A server's headers as the client gets them.
 *
 * @param own those that the router adds, such as the id the client knows the request by
 */
export function headersForClient(
  server: Headers,
  own: readonly [string, string][],
): [string, string][] {
  const named = namedInConnection(server);
  const kept: [string, string][] = [];
  for (const entry of server) {
    const name = entry[0];
    if (NOT_TO_CLIENTS.has(name) || named?.has(name)) continue;
    // A server's limits are those of its own key: the client's are the router's to tell.
    if (name.startsWith("x-ratelimit-")) continue;
    kept.push(entry);
  }
  kept.push(...own);
  return kept;
}

function namedInConnection(headers: Headers): Set<string> | undefined {
  const connection = headers.get("connection");
  if (connection === null) return undefined;
  return new Set(
    connection.toLowerCase().split(",").map((name) => name.trim()),
  );
}
