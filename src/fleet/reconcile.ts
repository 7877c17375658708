import type { ServerConfig } from "../config/config.ts";
import type { Server } from "./state/server.ts";

/** The servers of a configuration matched with the known ones. */
export interface Matched {
  /** In the configuration's order; `known` is `undefined` for a new server. */
  readonly kept: readonly { readonly known: Server | undefined; readonly config: ServerConfig }[];
  /** Known servers that the configuration no longer has. */
  readonly leaving: readonly Server[];
}

/** Matches servers by URL. */
export function match(
  servers: readonly Server[],
  described: readonly ServerConfig[],
): Matched {
  const known = new Map(servers.map((server) => [server.config.url, server]));
  const kept = described.map((config) => {
    const server = known.get(config.url);
    known.delete(config.url);
    return { known: server, config };
  });
  return { kept, leaving: [...known.values()] };
}
