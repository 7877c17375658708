import type { ServerConfig } from "../config/config.ts";
import type { Server } from "./state/server.ts";

/** A configuration's servers matched with those that are known. */
export interface Matched {
  /** In the configuration's order; `undefined` where it describes a server that is new. */
  readonly kept: readonly { readonly known: Server | undefined; readonly config: ServerConfig }[];
  /** Those that it no longer describes. */
  readonly leaving: readonly Server[];
}

/** Matches by URL. */
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
