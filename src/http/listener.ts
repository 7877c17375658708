import { setTimeout as delay } from "node:timers/promises";
import { LAST_CHANCE_MS, LAST_WORDS_MS, whenNoneActive } from "./active.ts";
import { BrokenAnswer } from "./broken_answer.ts";
import { pause } from "../util/interval.ts";
import type { RequestInfo } from "./service.ts";

/** Certificate chain and private key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Why a connection came to nothing: it could not be accepted, or its TLS handshake failed. */
export type ConnectionFailure = "accept" | "tls_handshake";

/** Where and how to listen. */
export interface ListenerOptions {
  readonly hostname: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** @default plain HTTP */
  readonly tls?: Certificate | undefined;
  readonly handler: (request: Request, info: RequestInfo) => Response | Promise<Response>;
  /** Called when accepting connections failed. */
  readonly onConnectionFailed?: ((reason: ConnectionFailure) => void) | undefined;
  readonly onError: (error: unknown) => void;
}

/** A listening server. */
export interface Listener {
  readonly hostname: string;
  readonly port: number;
  /**
   * Presents another certificate to new connections. The old listener keeps accepting for
   * {@linkcode LAST_CHANCE_MS}, so some new connections still get the old certificate until then.
   * Throws if the certificate is invalid.
   */
  renew(tls: Certificate): void;
  /**
   * Adds `connection: close` to all further responses, so that clients stop reusing connections.
   * Settles after {@linkcode LAST_CHANCE_MS}, by when active clients have received one, or at once
   * if there has been no POST yet.
   */
  askToClose(): Promise<void>;
  /**
   * Refuses new connections and waits for requests in flight.
   *
   * @param cutOff called when they have finished, or after `withinMs` to abort the rest
   */
  drain(withinMs: number, cutOff: () => void): Promise<void>;
}

/** Delay before listening again, to let some file descriptors be released. */
const AGAIN_MS = 200;

interface Acceptor {
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  /** Makes further responses ask clients to close the connection. */
  leave(): void;
}

/** Starts a listener. Throws the error of `Deno.serve`. */
export function startListener(
  { hostname, handler, onConnectionFailed, onError, ...options }: ListenerOptions,
): Listener {
  const closing = new Set<Promise<void>>();
  /** Replaced acceptors, each with the timer that closes it. */
  const leaving = new Map<Acceptor, ReturnType<typeof setTimeout>>();
  let active = 0;
  const finished = () => void active--;
  function enter(until: Promise<unknown>): void {
    hasClients = true;
    active++;
    until.then(finished, finished);
  }
  let held = 0;
  function hold(until: Promise<unknown>): void {
    enter(until);
    held++;
    const letGo = () => void held--;
    until.then(letGo, letGo);
  }

  let tls = options.tls;
  let stopped = false;
  let isAsking = false;
  let hasClients = false;
  let again: ReturnType<typeof setTimeout> | undefined;

  const listen = (port: number): Acceptor => {
    let isLeaving = false;
    const server = Deno.serve({
      hostname,
      port,
      ...(tls && { ...tls, reusePort: true }),
      onListen: () => {},
      onError(error) {
        // A BrokenAnswer was already reported; it only closes the connection here.
        if (!(error instanceof BrokenAnswer)) onError(error);
        return new Response(null, { status: 500 });
      },
    }, async (request, info) => {
      const { remoteAddr, completed } = info;
      // Forwarded requests are POSTs and WebSockets, which hold by themselves; shutdown waits for no
      // others.
      if (request.method === "POST") enter(completed);
      const response = await handler(request, { remoteAddr, completed, hold });
      // The runtime drops this header over HTTP/2. It would break a WebSocket's handshake.
      if ((isLeaving || isAsking) && response.status !== 101) {
        response.headers.set("connection", "close");
      }
      return response;
    });
    server.finished.catch((error: unknown) => {
      onConnectionFailed?.("accept");
      onError(error);
      listenAgain();
    });
    return { server, leave: () => void (isLeaving = true) };
  };

  // With reusePort, the system would not report a port that is already in use.
  if (tls) Deno.listen({ hostname, port: options.port }).close();
  let listener = listen(options.port);
  const { addr } = listener.server;

  // Accepting fails when file descriptors run out, which any client can cause by opening
  // connections, and the runtime then stops accepting for good. Open connections are unaffected.
  function listenAgain(): void {
    if (stopped) return;
    again = setTimeout(() => {
      try {
        listener = listen(addr.port);
      } catch {
        // Listening needs a file descriptor, too.
        listenAgain();
      }
    }, AGAIN_MS);
  }

  function close(one: Acceptor): void {
    clearTimeout(leaving.get(one));
    leaving.delete(one);
    const closed = one.server.shutdown();
    closing.add(closed);
    closed.catch(() => {}).finally(() => closing.delete(closed));
  }

  function closeLater(one: Acceptor): void {
    one.leave();
    leaving.set(one, setTimeout(() => close(one), LAST_CHANCE_MS));
  }

  return {
    hostname: addr.hostname,
    port: addr.port,
    renew(renewed) {
      // A server can't change its certificate, so a new one starts listening before it closes.
      const before = listener;
      const old = tls;
      tls = renewed;
      try {
        listener = listen(addr.port);
      } catch (error) {
        tls = old;
        throw error;
      }
      closeLater(before);
    },
    askToClose() {
      isAsking = true;
      return hasClients ? delay(LAST_CHANCE_MS) : Promise.resolve();
    },
    async drain(withinMs, cutOff) {
      stopped = true;
      clearTimeout(again);
      const deadline = performance.now() + withinMs;
      // Closing would cut WebSockets off. New requests are refused meanwhile.
      await whenNoneActive(() => held, withinMs);
      if (held > 0) {
        cutOff();
        await whenNoneActive(() => held, LAST_WORDS_MS);
      }
      for (const one of [...leaving.keys(), listener]) close(one);
      await whenNoneActive(() => active, deadline - performance.now());
      cutOff();
      const enough = new AbortController();
      const closed = Promise.allSettled(closing).then(() => enough.abort());
      await Promise.race([closed, pause(LAST_WORDS_MS, enough.signal)]);
    },
  };
}
