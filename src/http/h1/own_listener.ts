import { setTimeout as delay } from "node:timers/promises";
import { LAST_CHANCE_MS, LAST_WORDS_MS, whenNoneActive } from "../active.ts";
import type { Exchange } from "../exchange.ts";
import type { Certificate, ConnectionFailure, Listener } from "../listener.ts";
import { serveBy, type Service } from "../service.ts";
import { acceptAll } from "./accept.ts";
import { type Connection, serveConnection } from "./connection.ts";
import { createConnections } from "./connections.ts";
import { createHttp2 } from "./http2.ts";
import type { Socket } from "./input.ts";
import type { Refusal } from "./request_head.ts";
import { tcpSocket } from "./tcp_socket.ts";
import { secure, secureContext } from "./tls_socket.ts";

/** Where and how to listen with HTTP/1.1 of our own. */
export interface OwnListenerOptions {
  readonly hostname: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** @default plain HTTP */
  readonly tls?: Certificate | undefined;
  readonly service: Service;
  /** Called for a request that is refused before it reaches a handler. */
  readonly onRefused: (refusal: Refusal, address: string) => void;
  /** Called when a connection could not be accepted, or a TLS handshake failed. */
  readonly onConnectionFailed?: ((reason: ConnectionFailure) => void) | undefined;
  readonly onError: (error: unknown) => void;
}

/** Far more than a router serves; each takes some ten KB. */
const MOST_CONNECTIONS = 32_768;
/** Errors of accepting come in rows. */
const LOG_AGAIN_MS = 10_000;

/** Starts a listener whose HTTP/1.1 is ours, and whose HTTP/2 is the runtime's. */
export function startOwnListener(options: OwnListenerOptions): Listener {
  const { hostname, port, service, onRefused, onConnectionFailed, onError } = options;
  const scheme = options.tls ? "https" : "http";
  let context = options.tls && secureContext(options.tls);
  const listener = Deno.listen({ hostname, port });
  const connections = createConnections(MOST_CONNECTIONS);
  const http2 = createHttp2({ handler: service.answer, onError });
  let active = 0;
  let isClosing = false;
  let hasClients = false;
  let quietUntil = 0;

  async function answer(exchange: Exchange, peer: Deno.NetAddr): Promise<void> {
    const origin = `${scheme}://${exchange.headers.get("host") ?? ""}`;
    // Forwarded requests are POSTs and WebSockets; a stop waits for no others.
    if (exchange.method !== "POST" && !exchange.headers.has("upgrade")) {
      return await serveBy(service, exchange, peer, origin);
    }
    hasClients = true;
    active++;
    try {
      await serveBy(service, exchange, peer, origin);
      await exchange.sent;
    } finally {
      active--;
    }
  }

  function serve(socket: Socket, peer: Deno.NetAddr): Connection {
    return serveConnection(socket, {
      handle: (exchange) => answer(exchange, peer),
      isClosing: () => isClosing,
      onHttp2: (from, begun) => http2.serve(from, begun, peer),
      onRefused: (refusal) => onRefused(refusal, peer.hostname),
      onError,
    });
  }

  async function shakeHands(raw: Socket, peer: Deno.NetAddr): Promise<void> {
    try {
      const secured = await secure(raw, context!);
      if (!secured) return;
      const { socket, isHttp2 } = secured;
      if (isHttp2) connections.add(http2.serve(socket, new Uint8Array(), peer));
      else connections.add(serve(socket, peer));
    } catch {
      // Its client has seen why: scanners and clients that don't trust the certificate do this.
      onConnectionFailed?.("tls_handshake");
    }
  }

  const accepting = acceptAll(listener, {
    serve(conn) {
      const peer = conn.remoteAddr as Deno.NetAddr;
      const raw = tcpSocket(conn);
      if (!context) return connections.add(serve(raw, peer));
      const idleSince = performance.now();
      connections.add({ idleSince, close: raw.close, ended: shakeHands(raw, peer) });
    },
    room: connections.room,
    onFailed(error) {
      connections.closeIdle();
      onConnectionFailed?.("accept");
      if (performance.now() < quietUntil) return;
      quietUntil = performance.now() + LOG_AGAIN_MS;
      onError(error);
    },
  });

  const { addr } = listener;
  return {
    hostname: addr.hostname,
    port: addr.port,
    renew: (tls) => void (context = secureContext(tls)),
    async askToClose() {
      isClosing = true;
      await Promise.all([http2.askToClose(), hasClients ? delay(LAST_CHANCE_MS) : undefined]);
    },
    async drain(withinMs, cutOff) {
      isClosing = true;
      listener.close();
      const { promise: http2Done, resolve } = Promise.withResolvers<void>();
      const http2Drained = http2.drain(withinMs, resolve);
      // A stream that ends now has no `connection: close`: its client may send one more request.
      const lately = () => hasClients ? connections.closeIdleFor(LAST_CHANCE_MS) : 0;
      await Promise.all([whenNoneActive(() => active + lately(), withinMs), http2Done]);
      cutOff();
      await whenNoneActive(() => active, LAST_WORDS_MS);
      await http2Drained;
      await connections.closeAll();
      // The port is free once this has ended. It may have brought another connection.
      await accepting;
      await connections.closeAll();
    },
  };
}
