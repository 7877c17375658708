import { type Listener, type ListenerOptions, startListener } from "../listener.ts";
import { splice } from "../splice.ts";
import type { Connection } from "./connection.ts";
import type { Socket } from "./input.ts";
import { writeAll } from "./output.ts";
import { tcpSocket } from "./tcp_socket.ts";

/** Silence after which a connection may be closed to make room for another. */
const SILENT_MS = 600_000;

/** Serves HTTP/2 over connections that were accepted elsewhere. */
export interface Http2 extends Pick<Listener, "askToClose" | "drain"> {
  /** Serves a connection to its end; `begun` are the bytes that were read of it. */
  serve(socket: Socket, begun: Uint8Array<ArrayBuffer>, peer: Deno.NetAddr): Connection;
}

/**
 * HTTP/2 is the runtime's: a server on loopback, which each connection is passed on to. It starts
 * with the first of them. It sees its own clients' addresses in place of the passed ones, and
 * refuses who comes by another way.
 */
export function createHttp2(
  { handler, onError }: Pick<ListenerOptions, "handler" | "onError">,
): Http2 {
  /** By the port that a connection is passed on from. */
  const peers = new Map<number, Deno.NetAddr>();
  let inner: Listener | undefined;
  let isDraining = false;

  const start = () =>
    startListener({
      hostname: "127.0.0.1",
      port: 0,
      onError,
      handler(request, info) {
        const remoteAddr = peers.get(info.remoteAddr.port);
        if (!remoteAddr) return new Response(null, { status: 403 });
        return handler(request, { completed: info.completed, remoteAddr });
      },
    });

  async function passOn(
    socket: Socket,
    begun: Uint8Array<ArrayBuffer>,
    peer: Deno.NetAddr,
    onBytes: () => void,
  ): Promise<void> {
    let port: number | undefined;
    let server: Socket | undefined;
    try {
      inner ??= start();
      const { hostname } = inner;
      const conn = await Deno.connect({ hostname, port: inner.port });
      ({ port } = conn.localAddr as Deno.NetAddr);
      peers.set(port, peer);
      server = tcpSocket(conn);
      await writeAll(server, { bytes: begun, length: begun.length });
      await splice(socket, server, onBytes);
    } catch (error) {
      onError(error);
      socket.close();
      server?.close();
    } finally {
      if (port !== undefined) peers.delete(port);
    }
  }

  return {
    serve(socket, begun, peer) {
      let passedAt = performance.now();
      if (isDraining) socket.close();
      const ended = isDraining
        ? Promise.resolve()
        : passOn(socket, begun, peer, () => void (passedAt = performance.now()));
      return {
        // What its streams wait for is unknown here, so it takes long until it counts as idle.
        get idleSince() {
          return performance.now() - passedAt > SILENT_MS ? passedAt : undefined;
        },
        close: socket.close,
        ended,
      };
    },
    askToClose: () => inner?.askToClose() ?? Promise.resolve(),
    async drain(withinMs, cutOff) {
      isDraining = true;
      if (inner) await inner.drain(withinMs, cutOff);
      else cutOff();
    },
  };
}
