import type { DiscoveredServer, StartSource } from "./source.ts";

/** What a source reported first. */
export interface ReadOnce {
  readonly servers: readonly DiscoveredServer[];
  /** Why it can't be read, or not all of it; `undefined` if it can. */
  readonly failure: string | undefined;
}

/** Reads a source once: waits for its first report, and stops it. */
export async function readOnce(start: StartSource, timeoutMs: number): Promise<ReadOnce> {
  const { promise: reported, resolve } = Promise.withResolvers<void>();
  let servers: readonly DiscoveredServer[] = [];
  let failure: string | undefined = `nothing was heard of it within ${timeoutMs / 1000} s`;
  const timer = setTimeout(resolve, timeoutMs);
  const source = start({
    onServers(found) {
      servers = found;
      failure = undefined;
      resolve();
    },
    onFailure(reason) {
      failure = reason;
      resolve();
    },
  });
  await reported;
  clearTimeout(timer);
  // A source may report servers and a failure in one turn: both have been noted by now.
  await source.stop();
  return { servers, failure };
}
