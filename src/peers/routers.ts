import type { Peers } from "../config/config.ts";
import { MOST_ROUTERS } from "../config/peers_schema.ts";
import { watchSources } from "../discovery/sources.ts";
import type { SourceEvents, SourceStatus } from "../discovery/status.ts";

/** The routers of a configuration, as its list and its sources name them. */
export interface Routers {
  /** Applies a changed configuration. Sources whose entry didn't change keep running. */
  update(peers: Peers | undefined): void;
  /** Returns the status of the sources. */
  sources(): readonly SourceStatus[];
  /** Stops watching. Resolves when all sources have stopped. */
  stop(): Promise<void>;
}

/**
 * Watches the sources of routers.
 *
 * @param onRouters called with the origins of their admin addresses, without duplicates
 */
export function watchRouters(
  onRouters: (routers: readonly string[]) => void,
  listener: () => SourceEvents,
): Routers {
  let listed: readonly string[] = [];
  let warned = 0;

  const sources = watchSources({ servers: [], discovery: [] }, {
    listener: () => ({
      ...listener(),
      sourceChanged: (change) => listener().sourceChanged({ ...change, of: "router" }),
      // It is normal for the list and a source to name the same routers.
      serverNamedTwice() {},
    }),
    onServers(found) {
      const { routers, ignored } = routersOf(listed, found);
      if (ignored > warned) {
        const text = `expected at most ${MOST_ROUTERS} routers, ignoring ${ignored}`;
        listener().sourceWarned?.("peers", text);
      }
      warned = ignored;
      onRouters(routers);
    },
  });

  return {
    update(peers) {
      listed = peers?.routers ?? [];
      sources.update({ servers: [], discovery: peers?.sources ?? [] });
    },
    sources: sources.status,
    stop: sources.stop,
  };
}

/** Merges the routers that are listed with those that were found, up to {@linkcode MOST_ROUTERS}. */
export function routersOf(
  listed: readonly string[],
  found: readonly { readonly url: string }[],
): { readonly routers: readonly string[]; readonly ignored: number } {
  // Sorted, so that all routers ignore the same ones.
  const origins = found.map(({ url }) => new URL(url).origin).sort();
  const all = [...new Set([...listed, ...origins])];
  return { routers: all.slice(0, MOST_ROUTERS), ignored: Math.max(0, all.length - MOST_ROUTERS) };
}
