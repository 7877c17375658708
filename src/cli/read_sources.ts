import type { Config } from "../config/config.ts";
import type { Discovery } from "../config/discovery.ts";
import { merge } from "../discovery/merge.ts";
import { readOnce } from "../discovery/read_once.ts";
import { startSource } from "../discovery/start_source.ts";
import { countOf } from "./count.ts";

/** Reads each source once, prints what it has, and counts those that can't be read. */
export async function readSources(sources: readonly Discovery[], noun: string, timeoutMs: number) {
  const reads = await Promise.all(sources.map(async (entry) => ({
    source: entry.name,
    ...await readOnce(startSource(entry), timeoutMs),
  })));
  for (const { source, servers, failure } of reads) {
    const why = failure === undefined ? "" : `, can't be read: ${failure}`;
    console.log(`${source}: ${countOf(servers.length, noun)}${why}`);
  }
  return { reads, unread: reads.filter(({ failure }) => failure !== undefined).length };
}

/** Reads the sources of servers, and merges what they have with those that the file lists. */
export async function readServers({ servers, discovery, settings }: Config) {
  const { reads, unread } = await readSources(
    discovery,
    "server",
    settings.healthCheckTimeoutMs,
  );
  const merged = merge(servers, reads);
  for (const { url, kept, ignored } of merged.duplicates) {
    console.log(`${url}: is in ${kept ?? "the file"} and in ${ignored}; the former counts`);
  }
  return { servers: merged.servers, unread };
}
