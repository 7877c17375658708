import { ADDED } from "../config/added_server.ts";
import type { Config } from "../config/config.ts";
import type { Discovery } from "../config/discovery.ts";
import { openAddedServers } from "../discovery/added/added_servers.ts";
import { merge, type Reported } from "../discovery/merge.ts";
import { readOnce } from "../discovery/read_once.ts";
import { startSource } from "../discovery/start_source.ts";
import type { SavedState } from "../state_disk.ts";
import { countOf } from "./count.ts";

/** Reads each source once, prints its size, and counts the sources that can't be read. */
export async function readSources(sources: readonly Discovery[], noun: string, timeoutMs: number) {
  const reads = await Promise.all(sources.map(async (entry) => ({
    source: entry.name,
    ...await readOnce(startSource(entry), timeoutMs),
  })));
  for (const { source, servers, failure } of reads) {
    console.log(`${source}: ${countOf(servers.length, noun)}${whyUnread(failure)}`);
  }
  return { reads, unread: reads.filter(({ failure }) => failure !== undefined).length };
}

const whyUnread = (failure: string | undefined) =>
  failure === undefined ? "" : `, can't be read: ${failure}`;

/**
 * Reads the sources of servers, and merges their servers with those in the file and those that were
 * added over the API.
 *
 * @param saved the contents of the state file, which keeps the servers added over the API
 */
export async function readServers(config: Config, saved: SavedState | undefined) {
  const { servers, discovery, settings } = config;
  const { reads, unread } = await readSources(
    discovery,
    "server",
    settings.healthCheckTimeoutMs,
  );
  const added = saved && "parts" in saved
    ? await readAdded(config, saved.parts["servers"])
    : undefined;
  const merged = merge(servers, added ? [...reads, added.reported] : reads);
  for (const { url, kept, ignored } of merged.duplicates) {
    console.log(`${url}: is in ${kept ?? "the file"} and in ${ignored}; the former counts`);
  }
  return { servers: merged.servers, unread: unread + (added?.isBroken ? 1 : 0) };
}

/** Reads and prints the servers that were added over the API, as the router would at its start. */
async function readAdded(
  { proxy }: Config,
  saved: unknown,
): Promise<{ readonly reported: Reported; readonly isBroken: boolean } | undefined> {
  if (saved === undefined) return undefined;
  const added = openAddedServers({ proxy: () => proxy, onChange: () => {} });
  const problem = added.restore(saved);
  if (added.count() === 0 && problem === undefined) return undefined;
  const why = whyUnread(problem && `servers.${problem}`);
  console.log(`${ADDED}: ${countOf(added.count(), "server")} from the state file${why}`);
  const { servers } = await readOnce(added.start, 0);
  return { reported: { source: ADDED, servers }, isBroken: problem !== undefined };
}
