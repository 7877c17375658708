import type { ServerConfig } from "../config/config.ts";

/** Connections to one server. */
export interface ServerConnections {
  /** Uses connections again. */
  readonly client: Deno.HttpClient;
  /** Makes a new one each time. */
  readonly freshClient: Deno.HttpClient;
  /** Address of the proxy they go through. @default directly */
  readonly proxy?: string;
}

/** What of a server's configuration its connections depend on. */
export type Route = Pick<ServerConfig, "ca" | "proxy" | "clientCertificate">;

/** Connections to all servers. */
export interface Connections {
  /** Those that trust what that server names, and go the way that it names. */
  to(server: Route): ServerConnections;
  /** Drops all of them. */
  close(): void;
}

/** vLLM closes an idle connection after 5 s; a pool that keeps one longer meets a reset on reuse. */
const IDLE_MS = 4_000;
const IDLE_PER_SERVER = 1_024;

/** Servers with the same route share a pool. */
export function openConnections(): Connections {
  const byRoute = new Map<string, ServerConnections>();
  /** By configuration: a request must not write out certificates to find its pool. */
  let byServer = new WeakMap<Route, ServerConnections>();
  return {
    to(server) {
      const known = byServer.get(server);
      if (known) return known;
      const { ca, proxy, clientCertificate } = server;
      const route = JSON.stringify([ca, proxy, clientCertificate]);
      const connections = byRoute.get(route) ?? withoutEnvironment(() => open(server));
      byRoute.set(route, connections);
      byServer.set(server, connections);
      return connections;
    },
    close() {
      for (const { client, freshClient } of byRoute.values()) {
        client.close();
        freshClient.close();
      }
      byRoute.clear();
      byServer = new WeakMap();
    },
  };
}

function open({ ca, proxy, clientCertificate }: Route): ServerConnections {
  const via = proxy === undefined ? undefined : viaProxy(proxy);
  const options = {
    http2: false,
    ...(ca !== undefined && { caCerts: [ca] }),
    ...clientCertificate,
    ...(via && { proxy: via }),
  };
  return {
    client: Deno.createHttpClient({
      ...options,
      poolIdleTimeout: IDLE_MS,
      poolMaxIdlePerHost: IDLE_PER_SERVER,
    }),
    freshClient: Deno.createHttpClient({ ...options, poolMaxIdlePerHost: 0 }),
    ...(via && { proxy: via.url }),
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
