import type { Config, ServerConfig } from "../config/config.ts";
import type { Discovery } from "../config/discovery.ts";
import { monotonicMs } from "../util/clock.ts";
import { type Duplicate, merge } from "./merge.ts";
import type { StartSource } from "./source.ts";
import { startSource } from "./start_source.ts";
import type { SourceEvents, SourceStatus } from "./status.ts";
import { type Watched, watchSource } from "./watched.ts";

/** Where the router's servers come from. */
export interface Sources {
  /**
   * Applies a changed configuration. Sources whose entry didn't change go on. If there are new ones,
   * the servers change when those have reported, or 5 s later, so that replacing one source by
   * another leaves no moment without servers.
   */
  update(config: Listed): void;
  /** In the configuration's order. */
  status(): readonly SourceStatus[];
  /** Whether each source has been read at least once. */
  areRead(): boolean;
  /** Resolves when what each source reports first is in effect. */
  settled(): Promise<unknown>;
  /** Resolves when what sources have reported by now is in effect. */
  applied(): Promise<void>;
  /** Resolves when no source is watched any more. */
  stop(): Promise<void>;
}

/** The part of a configuration that says where servers come from. */
export type Listed = Pick<Config, "servers" | "discovery">;

/** Receives the servers and the events. */
export interface SourcesOptions {
  /** Called with all servers whenever they have changed, and at each `update`. */
  readonly onServers: (servers: readonly ServerConfig[]) => void;
  /** Returns who is told of events. */
  readonly listener: () => SourceEvents;
  /** A source besides those of the configuration, comes last. Shown as long as it has servers. */
  readonly added?: { readonly name: string; readonly start: StartSource };
  /** Starts a source. @default startSource */
  readonly start?: (entry: Discovery) => StartSource;
  /** Monotonic time in milliseconds. @default monotonicMs */
  readonly now?: () => number;
}

/** What is known of a source that has no servers at first. */
const empty = (name: string) => ({
  servers: [],
  shown: { status: { name, servers: 0, failure: undefined }, urls: new Set<string>() },
});

/** Minimum interval between two changes of the servers. */
const COALESCE_MS = 100;
/** How long a changed configuration waits for its new sources. */
const HOLD_MS = 5_000;

/** Watches the sources of a configuration, and merges their servers with those that it lists. */
export function watchSources(
  config: Listed,
  { onServers, listener, added, start = startSource, now = monotonicMs }: SourcesOptions,
): Sources {
  let listed = config.servers;
  let servers = listed;
  let watched: readonly Watched[] = [];
  let named = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let appliedAt = -Infinity;
  let heldUntil = -Infinity;
  let applying: PromiseWithResolvers<void> | undefined;
  const stopping = new Set<Promise<void>>();
  let more: readonly Watched[] = [];
  const all = () => [...watched, ...more];

  /** Schedules a change of the servers. All that is reported until then becomes one change. */
  function applySoon(): void {
    clearTimeout(timer);
    applying ??= Promise.withResolvers();
    const isHeld = all().some(({ isSettled }) => !isSettled);
    const at = Math.max(appliedAt + COALESCE_MS, isHeld ? heldUntil : -Infinity);
    timer = setTimeout(() => apply(), Math.max(0, at - now()));
  }

  function apply(isReload = false): void {
    clearTimeout(timer);
    appliedAt = now();
    const reports = all().map(({ entry, servers }) => ({ source: entry.name, servers }));
    const before = servers;
    const merged = merge(listed, reports, before);
    servers = merged.servers;
    const isSame = servers.length === before.length &&
      servers.every((server, index) => server === before[index]);
    if (!isSame || isReload) onServers(servers);
    tellDuplicates(merged.duplicates);
    for (const source of all()) source.settle(appliedAt, listener());
    applying?.resolve();
    applying = undefined;
  }

  function tellDuplicates(duplicates: readonly Duplicate[]): void {
    const keyOf = ({ url, ignored }: Duplicate) => `${ignored} ${url}`;
    for (const duplicate of duplicates) {
      if (!named.has(keyOf(duplicate))) listener().serverNamedTwice(duplicate);
    }
    named = new Set(duplicates.map(keyOf));
  }

  function watch(entries: readonly Discovery[]): void {
    const before = new Map(watched.map((source) => [source.entry.name, source]));
    const unchanged = new Set<Watched>();
    watched = entries.map((entry) => {
      const known = before.get(entry.name);
      if (!known || JSON.stringify(known.entry) !== JSON.stringify(entry)) {
        const warn = (text: string) => listener().sourceWarned?.(entry.name, text);
        return watchSource(entry, start(entry), applySoon, warn, known);
      }
      unchanged.add(known);
      return known;
    });
    for (const source of before.values()) if (!unchanged.has(source)) stop(source);
  }

  function stop(source: Watched): void {
    const stopped = source.stop().finally(() => stopping.delete(stopped));
    stopping.add(stopped);
  }

  if (added) more = [watchSource(added, added.start, applySoon, () => {}, empty(added.name))];
  watch(config.discovery);
  return {
    update(config) {
      listed = config.servers;
      watch(config.discovery);
      heldUntil = now() + HOLD_MS;
      if (all().every(({ isSettled }) => isSettled)) return apply(true);
      onServers(servers);
      applySoon();
    },
    status() {
      const isShown = (source: Watched) => !more.includes(source) || source.servers.length > 0;
      return all().filter(isShown).map(({ shown }) => shown.status);
    },
    areRead: () => watched.every(({ shown }) => shown.urls !== undefined),
    settled: () => Promise.all(all().map(({ settled }) => settled)),
    applied: () => applying?.promise ?? Promise.resolve(),
    async stop() {
      clearTimeout(timer);
      for (const source of all()) stop(source);
      applying?.resolve();
      await Promise.all(stopping);
    },
  };
}
