import type { ServerConfig } from "../config/config.ts";
import { fetchBy, type Fetches } from "./fetch.ts";
import { openHttps } from "./https_fetch.ts";

/** Fetches over the connections to one server. */
export interface ServerConnections extends Omit<Fetches, "close"> {
  /** Address of the proxy they go through. @default no proxy */
  readonly proxy?: string;
}

/** The part of a server's configuration that determines its connections. */
export type Route = Pick<
  ServerConfig,
  "ca" | "isSelfSigned" | "tlsSkipVerify" | "proxy" | "clientCertificate"
>;

/** The connection pools of all servers. */
export interface ClientPool {
  /** Returns the connections for a server's TLS and proxy settings. */
  to(server: Route): ServerConnections;
  /** Closes all pools. Requests in flight run to completion. */
  close(): void;
}

/** vLLM closes idle connections after 5 s; reusing an older one would cause a reset. */
const IDLE_MS = 4_000;
const IDLE_PER_SERVER = 1_024;

/**
 * Pools unused for this long are closed: either no server uses them, or their connections have been
 * idle for longer than {@linkcode IDLE_MS}.
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
 * @param now monotonic time in milliseconds
 */
export function openClientPool(now: () => number = () => performance.now()): ClientPool {
  const byRoute = new Map<string, Pool>();
  /** By configuration object, so that requests don't serialise certificates to find their pool. */
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

/** Uses `node:https` only where `fetch`, at half the cost, can't trust the certificate. */
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

/** Moves the credentials from the URL into `basicAuth`. */
function viaProxy(proxy: string) {
  const url = new URL(proxy);
  const basicAuth = {
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
  url.username = url.password = "";
  return { url: url.href, ...(basicAuth.username && { basicAuth }) };
}

/** Variables that make the runtime use a proxy, or bypass it. */
const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
  .flatMap((name) => [name, name.toLowerCase()]);

/** Returns the names of the proxy variables that are set. The router ignores them. */
export function unusedProxies(): string[] {
  return PROXY_VARIABLES.filter((name) => !/^no/i.test(name) && Deno.env.get(name));
}

/** Calls `make` without the proxy variables, since HTTP clients read them and can't opt out. */
function withoutEnvironment<T>(make: () => T): T {
  const kept = PROXY_VARIABLES.map((name) => [name, Deno.env.get(name)] as const);
  for (const [name] of kept) Deno.env.delete(name);
  try {
    return make();
  } finally {
    for (const [name, value] of kept) if (value !== undefined) Deno.env.set(name, value);
  }
}
