import { monotonicMs, wallTimeMs } from "../util/clock.ts";
import type { SourceStatus } from "../discovery/status.ts";
import type { FleetSnapshot } from "../fleet/snapshot.ts";
import { buildView } from "./build_view.ts";
import { createEvents } from "./events.ts";
import { createFailures } from "./failures.ts";
import { createPast, type History } from "./history.ts";
import { createKeyStatistics, type KeySource } from "./key_statistics.ts";
import type { Listener } from "./listener.ts";
import { createModelStatistics } from "./model_statistics.ts";
import type { PeerStatus } from "../peers/status.ts";
import { detailOf, type ServerDetail } from "./server_detail.ts";
import { createStatistics } from "./statistics.ts";
import type { Identity, View } from "./view.ts";

export type { KeySource } from "./key_statistics.ts";

/** What is shown besides the fleet. */
export interface MonitorSources {
  /** The keys, and what they have used of their limits. */
  readonly keys: KeySource;
  /** Returns the state of the sources of servers. @default none */
  readonly sources?: (() => readonly SourceStatus[]) | undefined;
  /** Returns the state of the router's peers. @default none */
  readonly peers?: (() => readonly PeerStatus[]) | undefined;
}

/** The data source of the screens. */
export interface Monitor {
  /** Listeners that feed the monitor. */
  readonly listeners: readonly Partial<Listener>[];
  /** Returns the latest view of the fleet, at most {@linkcode LOOK_MS} old. */
  view(): View;
  /** Returns the last quarter of an hour. */
  history(): History;
  /** Returns what is known of the server at this address. */
  detail(url: string): ServerDetail | undefined;
  /** Calls back after each update. Returns a function that unsubscribes. */
  watch(onLook: (view: View) => void): () => void;
  /** Stops updating. */
  stop(): void;
}

/** Interval between two updates; a screen needs two per second. */
export const LOOK_MS = 500;
/** Minimum interval between two updates for changes of state. */
const CHANGES_MS = 100;
/** Updates per point of the history, which has one point per second. */
const LOOKS_PER_POINT = 2;

/** Starts updating the view of the fleet twice a second, until stopped. */
export function startMonitor(
  snapshot: () => FleetSnapshot,
  identity: Identity,
  { keys, sources = () => [], peers = () => [] }: MonitorSources,
  now: () => number = monotonicMs,
  toWallTime: (time: number) => number = wallTimeMs,
): Monitor {
  const statistics = createStatistics(now);
  const events = createEvents(now, toWallTime);
  const byKey = createKeyStatistics(keys, now);
  const byModel = createModelStatistics(now);
  const failures = createFailures(() => toWallTime(now()));
  const past = createPast();
  const watchers = new Set<(view: View) => void>();
  let looks = 0;
  let changedAt = -Infinity;
  let changing: ReturnType<typeof setTimeout> | undefined;
  let noneHealthySince: number | null = null;
  let view: View;

  function refresh(fleet: FleetSnapshot): void {
    const at = toWallTime(now());
    const isAnyHealthy = fleet.servers.some(({ state, takesRequests }) =>
      state === "healthy" || state === "draining" && takesRequests
    );
    noneHealthySince = isAnyHealthy ? null : noneHealthySince ?? at;
    view = buildView(identity, at, fleet, statistics, noneHealthySince, {
      events: events.list(),
      keys: byKey.views(),
      models: byModel.views(fleet.servers),
      failures: failures.list(),
      sources: sources().map(({ name, servers = null, failure }) => ({
        name,
        servers,
        failure: failure?.reason ?? null,
        failedSince: failure ? Math.round(toWallTime(failure.since)) : null,
      })),
      peers: peers().map(({ router, isUp, since, problem = null }) => ({
        router,
        up: isUp,
        since: Math.round(toWallTime(since)),
        problem,
      })),
    });
    for (const watcher of watchers) watcher(view);
  }
  function look(): void {
    const fleet = snapshot();
    statistics.look(fleet);
    refresh(fleet);
    if (looks++ % LOOKS_PER_POINT === 0) past.add(view);
  }
  /** Refreshes soon, so that a failed server shows at once; many changes share a refresh. */
  function stateChanged(): void {
    changing ??= setTimeout(() => {
      changing = undefined;
      changedAt = now();
      refresh(snapshot());
    }, Math.max(0, changedAt + CHANGES_MS - now()));
  }
  look();
  const timer = setInterval(look, LOOK_MS);

  return {
    listeners: [
      statistics.listener,
      events.listener,
      byKey.listener,
      byModel.listener,
      failures.listener,
      { stateChanged },
    ],
    view: () => view,
    history: () => ({ ...past.read(), changes: events.changes() }),
    detail(url) {
      const server = snapshot().servers.find((server) => server.url === url);
      return server && detailOf(server, statistics.attempts(url));
    },
    watch(onLook) {
      watchers.add(onLook);
      return () => void watchers.delete(onLook);
    },
    stop() {
      clearInterval(timer);
      clearTimeout(changing);
    },
  };
}
