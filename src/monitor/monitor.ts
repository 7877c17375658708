import { monotonicMs, wallTimeMs } from "../util/clock.ts";
import type { FleetSnapshot } from "../fleet/snapshot.ts";
import { buildView } from "./build_view.ts";
import { createEvents } from "./events.ts";
import { createPast } from "./history.ts";
import type { Listener } from "./listener.ts";
import { createStatistics } from "./statistics.ts";
import type { History, Identity, View } from "./view.ts";

/** What the screens are fed from. */
export interface Monitor {
  /** Through which it hears of what goes on. */
  readonly listeners: readonly Partial<Listener>[];
  /** The fleet at the last look, at most {@linkcode LOOK_MS} old. */
  view(): View;
  /** The last quarter of an hour. */
  history(): History;
  /** Calls back after each look. Returns what ends it. */
  watch(onLook: (view: View) => void): () => void;
  /** Looks no more. */
  stop(): void;
}

/** Between two looks; twice a second is what a screen needs. */
export const LOOK_MS = 500;
/** Looks between two points of the history, a second apart. */
const LOOKS_PER_POINT = 2;

/** Looks at the fleet twice a second from now on, until it is stopped. */
export function startMonitor(
  snapshot: () => FleetSnapshot,
  identity: Identity,
  now: () => number = monotonicMs,
  toWallTime: (time: number) => number = wallTimeMs,
): Monitor {
  const statistics = createStatistics(now);
  const events = createEvents(now, toWallTime);
  const past = createPast();
  const watchers = new Set<(view: View) => void>();
  let looks = 0;
  let refreshing = false;
  let view: View;

  function refresh(fleet: FleetSnapshot): void {
    view = buildView(identity, toWallTime(now()), fleet, statistics, events.list());
    for (const watcher of watchers) watcher(view);
  }
  function look(): void {
    const fleet = snapshot();
    statistics.look(fleet);
    refresh(fleet);
    if (looks++ % LOOKS_PER_POINT === 0) past.add(view);
  }
  /** A server that died is not to wait for the next look; of many at once one refresh tells. */
  function stateChanged(): void {
    if (refreshing) return;
    refreshing = true;
    queueMicrotask(() => {
      refreshing = false;
      refresh(snapshot());
    });
  }
  look();
  const timer = setInterval(look, LOOK_MS);

  return {
    listeners: [statistics.listener, events.listener, { stateChanged }],
    view: () => view,
    history: past.read,
    watch(onLook) {
      watchers.add(onLook);
      return () => void watchers.delete(onLook);
    },
    stop: () => clearInterval(timer),
  };
}
