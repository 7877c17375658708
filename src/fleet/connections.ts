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

/** Servers with the same authority share a pool, all that name none another. */
export function openConnections(): Connections {
  const byAuthority = new Map<string | undefined, ServerConnections>();
  return {
    to({ ca }) {
      const known = byAuthority.get(ca);
      if (known) return known;
      const trust = { http2: false, ...(ca !== undefined && { caCerts: [ca] }) };
      const made = {
        client: Deno.createHttpClient({
          ...trust,
          poolIdleTimeout: IDLE_MS,
          poolMaxIdlePerHost: IDLE_PER_SERVER,
        }),
        freshClient: Deno.createHttpClient({ ...trust, poolMaxIdlePerHost: 0 }),
      };
      byAuthority.set(ca, made);
      return made;
    },
    close() {
      for (const { client, freshClient } of byAuthority.values()) {
        client.close();
        freshClient.close();
      }
      byAuthority.clear();
    },
  };
}
