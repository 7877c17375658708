import type { ServerConfig } from "../config/config.ts";
import { fetchBy, type Fetches } from "./fetch.ts";
import { openHttps } from "./https_fetch.ts";

/** Connections to one server. */
export interface ServerConnections extends Omit<Fetches, "close"> {
  /** Address of the proxy they go through. @default directly */
  readonly proxy?: string;
}

/** What of a server's configuration its connections depend on. */
export type Route = Pick<
  ServerConfig,
  "ca" | "isSelfSigned" | "tlsSkipVerify" | "proxy" | "clientCertificate"
>;

/** Connections to all servers. */
export interface ClientPool {
  /** Those that trust what that server names, and go the way that it names. */
  to(server: Route): ServerConnections;
  /** Drops all of them. */
  close(): void;
}

/** vLLM closes an idle connection after 5 s; a pool that keeps one longer meets a reset on reuse. */
const IDLE_MS = 4_000;
const IDLE_PER_SERVER = 1_024;

/**
 * Connections that nobody asked for in that time are closed: every server is polled more often, or
 * its connections have been idle for too long to be kept anyway.
 */
const UNUSED_MS = 60_000;

interface Pool {
  readonly connections: ServerConnections & Fetches;
  askedAt: number;
  isOpen: boolean;
}

/**
 * Servers with the same route share a pool. The pool of a route that no server has any more is
 * closed after a while. Requests in flight there go on to their end: closing a client only keeps
 * requests from beginning.
 *
 * @param now monotonic time in milliseconds
 */
export function openClientPool(now: () => number = () => performance.now()): ClientPool {
  const byRoute = new Map<string, Pool>();
  /** By configuration: a request must not write out certificates to find its pool. */
  const byServer = new WeakMap<Route, Pool>();
  let lookedAt = now();

  function poolOf(server: Route, askedAt: number): Pool {
    const { ca, isSelfSigned, tlsSkipVerify, proxy, clientCertificate } = server;
    const route = JSON.stringify([ca, isSelfSigned, tlsSkipVerify, proxy, clientCertificate]);
    const pool = byRoute.get(route) ??
      { connections: withoutEnvironment(() => open(server)), askedAt, isOpen: true };
    byRoute.set(route, pool);
    byServer.set(server, pool);
    return pool;
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
    to(server) {
      const askedAt = now();
      const known = byServer.get(server);
      const pool = known?.isOpen ? known : poolOf(server, askedAt);
      pool.askedAt = askedAt;
      if (askedAt - lookedAt > UNUSED_MS) {
        lookedAt = askedAt;
        closeAskedBefore(askedAt - UNUSED_MS);
      }
      return pool.connections;
    },
    close: () => closeAskedBefore(Infinity),
  };
}

/** `fetch` costs half as much, and can't trust these. */
function open(route: Route): Pool["connections"] {
  return route.isSelfSigned || route.tlsSkipVerify
    ? openHttps({ ...route, idleMs: IDLE_MS, idlePerServer: IDLE_PER_SERVER })
    : openClients(route);
}

function openClients({ ca, proxy, clientCertificate }: Route): Pool["connections"] {
  const via = proxy === undefined ? undefined : viaProxy(proxy);
  const options = {
    http2: false,
    ...(ca !== undefined && { caCerts: [ca] }),
    ...clientCertificate,
    ...(via && { proxy: via }),
  };
  const client = Deno.createHttpClient({
    ...options,
    poolIdleTimeout: IDLE_MS,
    poolMaxIdlePerHost: IDLE_PER_SERVER,
  });
  const freshClient = Deno.createHttpClient({ ...options, poolMaxIdlePerHost: 0 });
  return {
    fetch: fetchBy(client),
    fetchFresh: fetchBy(freshClient),
    ...(via && { proxy: via.url }),
    close() {
      client.close();
      freshClient.close();
    },
  };
}

/** Name and password stand beside the address, not in it. */
function viaProxy(proxy: string) {
  const url = new URL(proxy);
  const basicAuth = {
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
  url.username = url.password = "";
  return { url: url.href, ...(basicAuth.username && { basicAuth }) };
}

/** Variables by which the runtime sends requests through a proxy, keys and all, or keeps from it. */
const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
  .flatMap((name) => [name, name.toLowerCase()]);

/** Those that the environment has and that are not used. */
export function unusedProxies(): string[] {
  return PROXY_VARIABLES.filter((name) => !/^no/i.test(name) && Deno.env.get(name));
}

/** Makes what reads the variables when it is made, and would have no option to leave them alone. */
function withoutEnvironment<T>(make: () => T): T {
  const kept = PROXY_VARIABLES.map((name) => [name, Deno.env.get(name)] as const);
  for (const [name] of kept) Deno.env.delete(name);
  try {
    return make();
  } finally {
    for (const [name, value] of kept) if (value !== undefined) Deno.env.set(name, value);
  }
}
