import type { FieldMap } from "../http/field_map.ts";
import type { Client } from "./client.ts";
import { type ApiError, headTooLarge } from "../http/api_errors.ts";

/** Hop-by-hop headers, which a proxy must not pass on (RFC 9110, section 7.6.1). */
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

/** Client headers that must not reach a server, or that each attempt sets itself. */
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

/** Headers that state a client's address; accepted from trusted clients only. */
const FORWARDED = /^(forwarded|x-forwarded-.*|x-real-ip)$/;
/** Headers that carry API keys. */
const KEYS = ["authorization", "x-api-key", "api-key"];

/** Far more headers than any client sends. */
const MOST_HEADERS = 100;
const LONGEST_HEAD = 32 * 1024;

/** The properties of a client that decide which of its headers are passed on. */
export type Sender = Pick<Client, "showsRoutersKey" | "isTrusted">;

/**
 * Returns the client's headers that every attempt sends. Servers are asked not to compress, since
 * `fetch` would decompress the body but leave the `content-encoding` header.
 *
 * @returns an error if there are too many headers, or they are too long
 */
export function headersForServers(
  client: FieldMap,
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
    const before = kept.find(([other]) => other === name);
    // Of several values, each server would believe another one.
    if (before) before[1] += `, ${value}`;
    else kept.push([name, value]);
  }
  return count > MOST_HEADERS || length > LONGEST_HEAD ? headTooLarge : kept;
}

/** Headers of W3C Trace Context. */
const TRACE_CONTEXT = ["traceparent", "tracestate"];

/**
 * Adds one attempt's request id, and replaces the client's key by the server's, if it has one.
 *
 * @param traced headers that replace the client's trace context. @default the client's passes
 */
export function headersForAttempt(
  shared: readonly [string, string][],
  attemptId: string,
  apiKey: string | undefined,
  traced?: readonly [string, string][],
): [string, string][] {
  let headers = apiKey === undefined
    ? shared.slice()
    : shared.filter(([name]) => !KEYS.includes(name));
  if (traced) {
    headers = headers.filter(([name]) => !TRACE_CONTEXT.includes(name));
    headers.push(...traced);
  }
  headers.push(["x-request-id", attemptId]);
  if (apiKey !== undefined) headers.push(["authorization", `Bearer ${apiKey}`]);
  return headers;
}

/**
 * Server headers that are not passed on: the router sets its own, framing differs per connection,
 * or they would reveal the server's address or redirect the client to it.
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
  "request-id",
  "x-request-id",
]);

/**
 * Returns a server's headers as the client gets them.
 *
 * @param own headers that the router adds, such as `x-request-id`
 */
export function headersForClient(
  server: FieldMap,
  own: readonly [string, string][],
): [string, string][] {
  const named = namedInConnection(server);
  const kept: [string, string][] = [];
  for (const entry of server) {
    const name = entry[0];
    if (NOT_TO_CLIENTS.has(name) || named?.has(name)) continue;
    // A server's rate limits apply to its own key; the router reports the client's.
    if (name.startsWith("x-ratelimit-") || name.startsWith("anthropic-ratelimit-")) continue;
    kept.push(entry);
  }
  kept.push(...own);
  return kept;
}

function namedInConnection(headers: FieldMap): Set<string> | undefined {
  const connection = headers.get("connection");
  if (connection === null) return undefined;
  return new Set(
    connection.toLowerCase().split(",").map((name) => name.trim()),
  );
}
