import type { ServerConfig } from "../config/config.ts";
import type { Fetches } from "./fetch.ts";
import { DecodedUpstream } from "./decoded_upstream.ts";
import { openFetch } from "./fetch_upstream.ts";
import { OwnUpstream } from "./h1/own_upstream.ts";
import { createServerPool, type ServerPool } from "./h1/server_pool.ts";
import { openRoute, type Route, type ServerConnections } from "./open_route.ts";
import { withoutProxies } from "./proxy_environment.ts";
import type { Upstream } from "./upstream.ts";

export type { Route, ServerConnections };

/** The connection pools of all servers. */
export interface ClientPool {
  /** Returns the connections for a server's TLS and proxy settings. */
  to(server: Route): ServerConnections;
  /** Opens a request to a server. */
  open(server: Target, request: ServerRequest): Upstream;
  /** Closes the idle connections to all servers but these. */
  keep(servers: readonly Pick<Target, "url">[]): void;
  /** Closes all pools. Requests in flight run to completion. */
  close(): void;
}

/** A server's address and its route. */
export type Target = Route & Pick<ServerConfig, "url">;

/** The methods of forwarded requests. */
export type ForwardedMethod = "GET" | "POST";

/** A request to a server. */
export interface ServerRequest {
  /** A GET has no body. @default "POST" */
  readonly method?: ForwardedMethod;
  /** The path below the server's address, with its query. */
  readonly path: string;
  /** In order; names in lower case. */
  readonly headers: [string, string][];
  /** Sent unchanged. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** An address with connections of our own. */
interface OwnTarget {
  readonly pool: ServerPool;
  readonly host: string;
  /** The path of the server's address, without a slash at its end. */
  readonly basePath: string;
}

/** vLLM closes idle connections after 5 s; reusing an older one would cause a reset. */
const IDLE = { idleMs: 4_000, most: 1_024 };

/**
 * Pools unused for this long are closed: either no server uses them, or their connections have been
 * idle for longer than {@linkcode IDLE}.
 */
const UNUSED_MS = 60_000;

interface Pool {
  readonly connections: ServerConnections & Fetches;
  askedAt: number;
  isOpen: boolean;
}

/**
 * Opens connection pools on demand. Servers with the same route share a pool. A pool is closed some
 * time after its last use. Its requests in flight run to completion: closing a client only prevents
 * new requests.
 *
 * @param http1 whose HTTP/1.1 is spoken: the router's, for servers at `http://` without a proxy, or
 *   the runtime's
 * @param now monotonic time in milliseconds
 */
export function openClientPool(
  http1: "own" | "deno" = "own",
  now: () => number = () => performance.now(),
): ClientPool {
  const ownPools = new Map<string, ServerPool>();
  const ownTargets = new WeakMap<Target, OwnTarget>();
  const byRoute = new Map<string, Pool>();
  /** By configuration object, so that requests don't serialise certificates to find their pool. */
  const byServer = new WeakMap<Route, Pool>();
  let lookedAt = now();

  function poolOf(server: Route, askedAt: number): Pool {
    const { ca, isSelfSigned, tlsSkipVerify, tlsServerName, proxy, clientCertificate } = server;
    const trust = [ca, isSelfSigned, tlsSkipVerify, tlsServerName];
    const route = JSON.stringify([...trust, proxy, clientCertificate]);
    const pool = byRoute.get(route) ??
      { connections: withoutProxies(() => openRoute(server, IDLE)), askedAt, isOpen: true };
    byRoute.set(route, pool);
    byServer.set(server, pool);
    return pool;
  }

  function ownTarget(server: Target): OwnTarget {
    const known = ownTargets.get(server);
    if (known) return known;
    const { host, hostname, port, pathname } = new URL(server.url);
    const address = { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || 80 };
    const pool = ownPools.get(host) ??
      createServerPool(address, IDLE);
    ownPools.set(host, pool);
    const target = { pool, host, basePath: pathname.replace(/\/$/, "") };
    ownTargets.set(server, target);
    return target;
  }

  function to(server: Route): ServerConnections {
    const askedAt = now();
    const known = byServer.get(server);
    const pool = known?.isOpen ? known : poolOf(server, askedAt);
    pool.askedAt = askedAt;
    if (askedAt - lookedAt > UNUSED_MS) {
      lookedAt = askedAt;
      closeAskedBefore(askedAt - UNUSED_MS);
    }
    return pool.connections;
  }

  function closeAskedBefore(time: number): void {
    for (const [route, pool] of byRoute) {
      if (pool.askedAt >= time) continue;
      pool.isOpen = false;
      pool.connections.close();
      byRoute.delete(route);
    }
  }

  return {
    to,
    open(server, { method = "POST", path, headers, body }) {
      if (http1 === "own" && server.proxy === undefined && server.url.startsWith("http:")) {
        const { pool, host, basePath } = ownTarget(server);
        return new DecodedUpstream(
          new OwnUpstream({ pool, host, method, path: basePath + path, headers, body }),
        );
      }
      const { fetch, fetchFresh } = to(server);
      const url = server.url + path;
      return new DecodedUpstream(openFetch({ url, method, headers, body, fetch, fetchFresh }));
    },
    keep(servers) {
      const kept = new Set(servers.map(({ url }) => /^http:\/\/([^/]*)/.exec(url)?.[1]));
      for (const [host, pool] of ownPools) {
        if (kept.has(host)) continue;
        pool.close();
        ownPools.delete(host);
      }
    },
    close() {
      closeAskedBefore(Infinity);
      for (const pool of ownPools.values()) pool.close();
    },
  };
}
