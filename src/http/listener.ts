import { setTimeout as delay } from "node:timers/promises";
import { BrokenAnswer } from "./broken_answer.ts";
import { pause } from "../util/interval.ts";

/** Certificate chain and key in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Where and how to listen. */
export interface ListenerOptions {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** @default plain HTTP */
  readonly tls?: Certificate | undefined;
  readonly handler: Deno.ServeHandler<Deno.NetAddr>;
  readonly onError: (error: unknown) => void;
}

/** A listening server. */
export interface Listener {
  readonly hostname: string;
  readonly port: number;
  /**
   * Presents another certificate to new connections. The old listener goes on for
   * {@linkcode LAST_CHANCE_MS}, so some new connections still get the old one until then. Throws on
   * a certificate that can't be used.
   */
  renew(tls: Certificate): void;
  /**
   * From now on answers carry `connection: close`, so that clients don't use a connection again.
   * Settles after {@linkcode LAST_CHANCE_MS}, when busy clients have got one, or at once if there
   * has been no POST yet.
   */
  askToClose(): Promise<void>;
  /**
   * Refuses new connections and waits for what is under way.
   *
   * @param cutOff called after `withinMs` milliseconds, to end what still is
   */
  drain(withinMs: number, cutOff: () => void): Promise<void>;
}

/**
 * How long a listener that is to close waits for its clients' next requests, so that the answers
 * can ask them to close (issue 14): a client that is about to send on a kept connection would lose
 * that request.
 */
const LAST_CHANCE_MS = 1_000;

const LOOK_MS = 20;
/** What has used up the open files needs a moment to give some back. */
const AGAIN_MS = 200;
/** What was cut off has so long to tell its client. */
const LAST_WORDS_MS = 1_000;

interface Acceptor {
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  /** Its answers ask clients to close from now on. */
  leave(): void;
}

/** Listens. Throws what `Deno.serve` throws. */
export function startListener(
  { hostname, handler, onError, ...options }: ListenerOptions,
): Listener {
  const closing = new Set<Promise<void>>();
  /** Replaced ones, and what closes each after its last chance. */
  const leaving = new Map<Acceptor, ReturnType<typeof setTimeout>>();
  let active = 0;
  const finished = () => void active--;

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
        // A broken answer has told its story; here it only closes the connection.
        if (!(error instanceof BrokenAnswer)) onError(error);
        return new Response(null, { status: 500 });
      },
    }, async (request, info) => {
      // All that is forwarded is POST; nothing else is worth waiting for at the end.
      if (request.method === "POST") {
        hasClients = true;
        active++;
        info.completed.then(finished, finished);
      }
      const response = await handler(request, info);
      // Over HTTP/2 the runtime drops it.
      if (isLeaving || isAsking) response.headers.set("connection", "close");
      return response;
    });
    server.finished.catch((error: unknown) => {
      onError(error);
      listenAgain();
    });
    return { server, leave: () => void (isLeaving = true) };
  };

  // Beside one that shares its port the system lets others listen without a word.
  if (tls) Deno.listen({ hostname, port: options.port }).close();
  let listener = listen(options.port);
  const { addr } = listener.server;

  // Accepting fails for want of open files, which any client can bring about by opening
  // connections, and the runtime gives up for good then. Those it has go on meanwhile.
  function listenAgain(): void {
    if (stopped) return;
    again = setTimeout(() => {
      try {
        listener = listen(addr.port);
      } catch {
        // Listening takes an open file, too.
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
      // A server can't change its certificate: the next one listens beside it before it closes.
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
      for (const one of [...leaving.keys(), listener]) close(one);
      const deadline = performance.now() + withinMs;
      while (active > 0 && performance.now() < deadline) await delay(LOOK_MS);
      cutOff();
      const enough = new AbortController();
      const closed = Promise.allSettled(closing).then(() => enough.abort());
      await Promise.race([closed, pause(LAST_WORDS_MS, enough.signal)]);
    },
  };
}
