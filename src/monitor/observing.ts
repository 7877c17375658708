import type { FleetSnapshot } from "../fleet/snapshot.ts";
import { watchEventLoop } from "./event_loop.ts";
import { combineListeners, type Listener } from "./listener.ts";
import { logError, logListener } from "./log.ts";
import { logWrongKeys } from "./log_access.ts";
import { sourceLog } from "./log_sources.ts";
import { peerLog } from "./log_peers.ts";
import { logSpans } from "./log_spans.ts";
import { stateLog } from "./log_state.ts";
import { createMetrics, type Metrics, type MetricsSources } from "./metrics.ts";
import { type Monitor, type MonitorSources, startMonitor } from "./monitor.ts";
import type { Identity } from "./view.ts";
import { createWrongKeys } from "./wrong_keys.ts";

/** What tells, logs, counts and shows what happens. */
export interface Observing {
  /** Is told everything. */
  readonly listener: Listener;
  readonly metrics: Metrics;
  readonly monitor: Monitor;
  stop(): void;
}

export interface ObservingOptions extends MonitorSources, Pick<MetricsSources, "openConnections"> {
  readonly identity: Identity;
  /** Who else is told. */
  readonly more: readonly Partial<Listener>[];
}

/** Starts logging, counting and showing what happens to a fleet. */
export function startObserving(
  snapshot: () => FleetSnapshot,
  { identity, keys, openConnections, sources, peers, more }: ObservingOptions,
): Observing {
  const metrics = createMetrics(snapshot, identity.version, {
    keys,
    openConnections,
    sources,
    peers,
  });
  const stopWatching = watchEventLoop(metrics.lagged);
  const monitor = startMonitor(snapshot, identity, { keys, sources, peers });
  const wrongKeys = createWrongKeys({ report: logWrongKeys });
  const listener = combineListeners([
    ...[logListener, sourceLog, peerLog, stateLog, logSpans, { wrongKey: wrongKeys.add }],
    ...[metrics.listener, ...monitor.listeners, ...more],
  ], logError);
  return {
    listener,
    metrics,
    monitor,
    stop() {
      monitor.stop();
      stopWatching();
      wrongKeys.stop();
    },
  };
}
