import type { DiscoveredServer, StartSource } from "./source.ts";
import { type Shown, type SourceEvents, tellChange } from "./status.ts";

/** Most servers of one source. */
export const MOST_SERVERS = 5_000;
/** Most characters of a reason: part of it may come from outside. */
const REASON_LENGTH = 500;

/** A source with what it reported. */
export interface Watched {
  /** Its entry of the configuration, or at least its name. */
  readonly entry: { readonly name: string };
  /** Its servers as it reported them last. */
  servers: readonly DiscoveredServer[];
  /** Whether it has reported anything yet. */
  isSettled: boolean;
  /** What is known of it as of the last `settle`. */
  shown: Shown;
  /** Resolves at the first `settle` after its first report. */
  readonly settled: Promise<void>;
  /** Updates what is shown, and tells the listener what has changed. */
  settle(now: number, listener: Omit<SourceEvents, "serverNamedTwice">): void;
  stop(): Promise<void>;
}

/**
 * Starts a source.
 *
 * @param onReport called when it has reported something
 * @param onWarning called when it leaves something out
 * @param before what is known of it, such as its servers before its entry changed: they stay until
 * the first report
 */
export function watchSource(
  entry: Watched["entry"],
  start: StartSource,
  onReport: () => void,
  onWarning: (text: string) => void,
  before: Pick<Watched, "servers" | "shown"> | undefined,
): Watched {
  const { name } = entry;
  const { promise: settled, resolve } = Promise.withResolvers<void>();
  let urls = before?.shown.urls;
  let reason: string | undefined;
  let isStopped = false;
  const watched: Watched = {
    entry,
    servers: before?.servers ?? [],
    isSettled: false,
    shown: before?.shown ??
      { status: { name, servers: undefined, failure: undefined }, urls: undefined },
    settled,
    settle(now, listener) {
      if (!watched.isSettled) return;
      const { shown } = watched;
      const failure = reason === undefined
        ? undefined
        : { reason, since: shown.status.failure?.since ?? now };
      watched.shown = { status: { name, servers: urls?.size, failure }, urls };
      tellChange(watched.shown, shown, listener);
      resolve();
    },
    stop() {
      isStopped = true;
      return source.stop();
    },
  };

  function report(why: string | undefined, servers = watched.servers): void {
    if (isStopped) return;
    if (servers !== watched.servers) urls = new Set(servers.map(({ config }) => config.url));
    watched.servers = servers;
    watched.isSettled = true;
    reason = why?.slice(0, REASON_LENGTH);
    onReport();
  }
  const source = start({
    onServers: (servers) =>
      servers.length > MOST_SERVERS
        ? report(`it has ${servers.length} servers, expected at most ${MOST_SERVERS}`)
        : report(undefined, servers),
    onFailure: report,
    onWarning: (text) => isStopped || onWarning(text.slice(0, REASON_LENGTH)),
  });
  return watched;
}
