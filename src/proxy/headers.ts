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
  "content-length",
  "expect",
  "host",
  "x-data-parallel-rank",
  "x-request-id",
]);

/**
 * The client's headers as servers get them, without those that differ between attempts. Servers
 * are asked not to compress: `fetch` would undo it and leave the header that says so.
 */
export function headersForServers(client: Headers): [string, string][] {
  const named = namedInConnection(client);
  const kept: [string, string][] = [["accept-encoding", "identity"]];
  for (const entry of client) {
    if (!NOT_TO_SERVERS.has(entry[0]) && !named?.has(entry[0])) kept.push(entry);
  }
  return kept;
}

/** One attempt's headers: its own request id, and the server's key in place of the client's. */
export function headersForAttempt(
  shared: readonly [string, string][],
  attemptId: string,
  apiKey: string | undefined,
): [string, string][] {
  const headers = apiKey === undefined
    ? shared.slice()
    : shared.filter(([name]) => name !== "authorization");
  headers.push(["x-request-id", attemptId]);
  if (apiKey !== undefined) headers.push(["authorization", `Bearer ${apiKey}`]);
  return headers;
}

/** What of a server's head the client gets from the router instead: framing is made anew. */
const NOT_TO_CLIENTS = new Set([
  ...HOP_BY_HOP,
  "access-control-allow-credentials",
  "access-control-allow-origin",
  "content-length",
  "x-request-id",
]);

/**
 * A server's headers as the client gets them: with the id the client knows the request by, and
 * open to browsers of any origin, as the original router's answers are.
 */
export function headersForClient(
  server: Headers,
  requestId: string,
): [string, string][] {
  const named = namedInConnection(server);
  const kept: [string, string][] = [];
  for (const entry of server) {
    const name = entry[0];
    if (NOT_TO_CLIENTS.has(name) || named?.has(name)) continue;
    kept.push(entry);
  }
  kept.push(["x-request-id", requestId], ["access-control-allow-origin", "*"]);
  return kept;
}

function namedInConnection(headers: Headers): Set<string> | undefined {
  const connection = headers.get("connection");
  if (connection === null) return undefined;
  return new Set(
    connection.toLowerCase().split(",").map((name) => name.trim()),
  );
}
