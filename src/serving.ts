import { BrokenAnswer } from "./proxy/relay.ts";
import { pause } from "./fleet/repeat.ts";

/** Certificate chain and key in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Where and how to listen. */
export interface ServingOptions {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** @default plain HTTP */
  readonly tls?: Certificate | undefined;
  readonly handler: Deno.ServeHandler<Deno.NetAddr>;
  readonly onError: (error: unknown) => void;
}

/** A listening server. */
export interface Serving {
  readonly hostname: string;
  readonly port: number;
  /** Shows another certificate to new connections; those that stand go on. Throws on a bad one. */
  renew(tls: Certificate): void;
  /**
   * Refuses new connections and waits for what is under way.
   *
   * @param cutOff called after `withinMs` milliseconds, to end what still is
   */
  drain(withinMs: number, cutOff: () => void): Promise<void>;
}

const LOOK_MS = 20;
/** What has used up the open files needs a moment to give some back. */
const AGAIN_MS = 200;
/** What was cut off has so long to tell its client. */
const LAST_WORDS_MS = 1_000;

/** Listens. Throws what `Deno.serve` throws. */
export function startServing({ hostname, handler, onError, ...options }: ServingOptions): Serving {
  const closing = new Set<Promise<void>>();
  let active = 0;
  const finished = () => void active--;

  let tls = options.tls;
  let stopped = false;
  let again: ReturnType<typeof setTimeout> | undefined;

  const listen = (port: number) => {
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
    }, (request, info) => {
      // All that is forwarded is POST; nothing else is worth waiting for at the end.
      if (request.method === "POST") {
        active++;
        info.completed.then(finished, finished);
      }
      return handler(request, info);
    });
    server.finished.catch((error: unknown) => {
      onError(error);
      listenAgain();
    });
    return server;
  };

  // Beside one that shares its port the system lets others listen without a word.
  if (tls) Deno.listen({ hostname, port: options.port }).close();
  let server = listen(options.port);
  const { addr } = server;

  // Accepting fails for want of open files, which any client can bring about by opening
  // connections, and the runtime gives up for good then. Those it has go on meanwhile.
  function listenAgain(): void {
    if (stopped) return;
    again = setTimeout(() => {
      try {
        server = listen(addr.port);
      } catch {
        // Listening takes an open file, too.
        listenAgain();
      }
    }, AGAIN_MS);
  }

  function close(one: typeof server): void {
    const closed = one.shutdown();
    closing.add(closed);
    closed.catch(() => {}).finally(() => closing.delete(closed));
  }

  return {
    hostname: addr.hostname,
    port: addr.port,
    renew(renewed) {
      // A server can't change its certificate: the next one listens beside it before it closes.
      const before = server;
      const old = tls;
      tls = renewed;
      try {
        server = listen(addr.port);
      } catch (error) {
        tls = old;
        throw error;
      }
      close(before);
    },
    async drain(withinMs, cutOff) {
      stopped = true;
      clearTimeout(again);
      close(server);
      const deadline = performance.now() + withinMs;
      const never = new AbortController().signal;
      while (active > 0 && performance.now() < deadline) await pause(LOOK_MS, never);
      cutOff();
      const enough = new AbortController();
      const closed = Promise.allSettled(closing).then(() => enough.abort());
      await Promise.race([closed, pause(LAST_WORDS_MS, enough.signal)]);
    },
  };
}
