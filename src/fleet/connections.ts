import type { ServerConfig } from "../config/config.ts";

/** Connections to one server. */
export interface ServerConnections {
  /** Uses connections again. */
  readonly client: Deno.HttpClient;
  /** Makes a new one each time. */
  readonly freshClient: Deno.HttpClient;
}

/** Connections to all servers. */
export interface Connections {
  /** Those that trust what that server names. */
  to(server: Pick<ServerConfig, "ca">): ServerConnections;
  /** Drops all of them. */
  close(): void;
}

/** vLLM closes an idle connection after 5 s; a pool that keeps one longer meets a reset on reuse. */
const IDLE_MS = 4_000;
const IDLE_PER_SERVER = 1_024;

/**
 * A pool that nobody asked for in that time is closed: every server is polled more often, or its
 * pool has been empty for long. Longer than who has asked for one uses it.
 */
const UNUSED_MS = 60_000;

/**
 * Servers with the same authority share a pool, all that name none another. The pool of an
 * authority that no server names any more is closed after a while; what is in flight there goes on
 * to its end, as closing only keeps requests from beginning.
 *
 * @param now monotonic time in milliseconds
 */
export function openConnections(now: () => number = () => performance.now()): Connections {
  const byAuthority = new Map<string | undefined, { pools: ServerConnections; askedAt: number }>();
  let lookedAt = now();

  function open(ca: string | undefined): ServerConnections {
    const trust = { http2: false, ...(ca !== undefined && { caCerts: [ca] }) };
    return {
      client: Deno.createHttpClient({
        ...trust,
        poolIdleTimeout: IDLE_MS,
        poolMaxIdlePerHost: IDLE_PER_SERVER,
      }),
      freshClient: Deno.createHttpClient({ ...trust, poolMaxIdlePerHost: 0 }),
    };
  }

  function closeAskedBefore(time: number): void {
    for (const [ca, { pools, askedAt }] of byAuthority) {
      if (askedAt >= time) continue;
      pools.client.close();
      pools.freshClient.close();
      byAuthority.delete(ca);
    }
  }

  return {
    to({ ca }) {
      const askedAt = now();
      const known = byAuthority.get(ca);
      const pools = known?.pools ?? open(ca);
      if (known) known.askedAt = askedAt;
      else byAuthority.set(ca, { pools, askedAt });
      if (askedAt - lookedAt > UNUSED_MS) {
        lookedAt = askedAt;
        closeAskedBefore(askedAt - UNUSED_MS);
      }
      return pools;
    },
    close: () => closeAskedBefore(Infinity),
  };
}
