import type { ServerConfig } from "../config/config.ts";
import { hostOf } from "../config/servers.ts";
import type { DiscoveredServer } from "./source.ts";

/** What one source has. */
export interface Reported {
  /** The source's name. */
  readonly source: string;
  /** Its servers, as it reported them last. */
  readonly servers: readonly DiscoveredServer[];
}

/** A server that two places name. */
export interface Duplicate {
  /** Its address. */
  readonly url: string;
  /** The source whose description counts; `undefined` for the configuration file. */
  readonly kept: string | undefined;
  /** The source whose description is ignored. */
  readonly ignored: string;
}

/** All servers. */
export interface Merged {
  /** Addresses and names are unique. The file's come first, then each source's. */
  readonly servers: readonly ServerConfig[];
  /** At most one for each address and source. */
  readonly duplicates: readonly Duplicate[];
}

/**
 * Merges the servers of the configuration file with those of the sources, in this order: of two
 * descriptions of an address, the first one counts.
 *
 * @param before the last result: the objects of unchanged servers are reused
 */
export function merge(
  listed: readonly ServerConfig[],
  reports: readonly Reported[],
  before: readonly ServerConfig[] = [],
): Merged {
  const byUrl = new Map(listed.map((config) => [config.url, config]));
  const duplicates = new Map<string, Duplicate>();
  for (const { source, servers } of reports) {
    for (const { config, draining } of servers) {
      const { url } = config;
      const first = byUrl.get(url);
      if (!first) byUrl.set(url, { ...config, source, ...(draining && { draining }) });
      else if (first.source !== source) {
        duplicates.set(`${source} ${url}`, { url, kept: first.source, ignored: source });
      }
    }
  }
  const known = new Map(before.map((config) => [config.url, config]));
  const servers = withUniqueNames([...byUrl.values()]).map((config) => {
    const same = known.get(config.url);
    return same && isSame(same, config) ? same : config;
  });
  return { servers, duplicates: [...duplicates.values()] };
}

/**
 * Names each server that a source reported: by its own name, or by its address if another server has
 * that name too. The order of the servers makes no difference, so that names are stable.
 */
function withUniqueNames(servers: readonly ServerConfig[]): ServerConfig[] {
  const isFound = ({ source }: ServerConfig) => source !== undefined;
  const host = ({ url }: ServerConfig) => hostOf(url);
  let named = [...servers];
  for (const other of [host, ({ url }: ServerConfig) => url]) {
    const uses = new Map<string, number>();
    for (const { name } of named) uses.set(name, (uses.get(name) ?? 0) + 1);
    named = named.map((server) =>
      isFound(server) && uses.get(server.name)! > 1 ? { ...server, name: other(server) } : server
    );
  }
  return named;
}

function isSame(one: ServerConfig, other: ServerConfig): boolean {
  const keys = Object.keys(one) as (keyof ServerConfig)[];
  return keys.length === Object.keys(other).length && keys.every((key) =>
    one[key] === other[key] ||
    key === "models" && JSON.stringify(one.models) === JSON.stringify(other.models)
  );
}
