import type { Target } from "../client_pool.ts";
import { ConnectError } from "../fetch_error.ts";
import { readHead } from "../h1/fields.ts";
import { newHeadScan, scanHead } from "../h1/head_scan.ts";
import { Input } from "../h1/input.ts";
import { frameOf, writeFrame } from "../h1/output.ts";
import {
  BadResponse,
  type ParsedResponseHead,
  readResponseHead,
  RESPONSE_FAULTS,
} from "../h1/response_head.ts";
import type { ServerConnection } from "../h1/server_pool.ts";
import { secureToServer } from "../h1/tls_socket.ts";

const LIMITS = { maxBytes: 64 * 1024, maxFields: 500 };

/** Where to connect to for a server: to itself, or to its proxy. Throws for most kinds of proxy. */
export function firstHop({ url, proxy }: Target): Deno.ConnectOptions {
  const hop = new URL(proxy ?? url);
  if (proxy !== undefined && hop.protocol !== "http:") {
    throw new ConnectError("A WebSocket can't take this proxy: only http:// ones are supported");
  }
  return { hostname: hostnameOf(hop), port: portOf(hop) };
}

/** Goes on from the first hop: through the proxy, and to an encrypted connection. */
export async function connectThrough(
  connection: ServerConnection,
  { url, proxy, ca, isSelfSigned, tlsSkipVerify = false, tlsServerName, clientCertificate }: Target,
): Promise<ServerConnection> {
  const to = new URL(url);
  if (proxy !== undefined) await openTunnel(connection, new URL(proxy), to);
  if (to.protocol !== "https:") return connection;
  const socket = await secureToServer(connection.socket, {
    host: tlsServerName ?? hostnameOf(to),
    // With a list, the built-in certificates are not trusted.
    ca: isSelfSigned || tlsSkipVerify ? ca ?? [] : ca,
    skipVerify: tlsSkipVerify,
    clientCertificate,
  });
  return { socket, input: new Input(socket), isReused: false };
}

/** Sends the head of a request and reads that of its answer. */
export async function ask(
  { socket, input }: ServerConnection,
  request: string,
): Promise<ParsedResponseHead> {
  await writeFrame(socket, frameOf(request, undefined));
  const scan = newHeadScan();
  for (;;) {
    const whole = scanHead(scan, input.bytes, input.from, input.to, LIMITS);
    if (typeof whole === "string") throw new BadResponse(RESPONSE_FAULTS[whole]);
    if (whole) break;
    if (!await input.fill()) throw new BadResponse("connection closed before message completed");
  }
  const head = readResponseHead(readHead(scan, input.bytes, input.from));
  input.take(scan.at);
  return head;
}

async function openTunnel(connection: ServerConnection, proxy: URL, to: URL): Promise<void> {
  const target = `${to.hostname}:${portOf(to)}`;
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const credentials = proxy.username === ""
    ? ""
    : `proxy-authorization: Basic ${new TextEncoder().encode(user).toBase64()}\r\n`;
  const request = `CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${credentials}\r\n`;
  const { status } = await ask(connection, request);
  if (status !== 200) throw new BadResponse(`the proxy answered ${status}`);
}

function hostnameOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function portOf({ port, protocol }: URL): number {
  return Number(port) || (protocol === "https:" ? 443 : 80);
}
