import type { Connections } from "./connections.ts";
import type { Fleet } from "./fleet.ts";
import { checkHealth, failureIn, fetchMetrics, fetchModels, type Probe } from "./probe.ts";
import type { ServerMetrics } from "./metrics_text.ts";
import { repeat } from "./repeat.ts";
import { type Server, stateOf } from "./server.ts";

/** The loops that keep the fleet's knowledge fresh. */
export interface Poller {
  /** Starts loops for servers that have none and stops those of servers that left. */
  sync(): void;
  /** Resolves when every present server has been checked once. */
  firstRound(): Promise<void>;
  stop(): Promise<void>;
}

/** At least between two checks of an unhealthy server beside the regular ones. */
const RECOVERY_LOOK_MS = 2_000;
/** How often an unhealthy server is looked at when active checks are off and it is not yet time. */
const IDLE_LOOK_MS = 1_000;

/** How servers are polled. */
export interface PollingOptions {
  /** Hears of what should never be: the polling goes on. @default throws it */
  readonly onError?: (error: unknown) => void;
  /** Hears once why a server doesn't tell its models. @default nobody */
  readonly onNoModels?: (server: string, why: string) => void;
  /** Clock time in milliseconds. @default `Date.now` */
  readonly now?: () => number;
}

function raise(error: unknown): never {
  throw error;
}

/**
 * Polls every server side by side: health and models on one loop, metrics on another, so that a
 * server that hangs delays neither the others nor its own other loop.
 */
export function startPolling(
  fleet: Fleet,
  connections: Connections,
  { onError = raise, onNoModels = () => {}, now = Date.now }: PollingOptions = {},
): Poller {
  const loops = new Map<
    Server,
    { stop: AbortController; checked: Promise<void>; ended: Promise<unknown> }
  >();

  const checks = new Map<Server, Promise<void>>();
  const stopped = new Set<Promise<unknown>>();

  const probe = (server: Server, signal: AbortSignal): Probe => ({
    client: connections.to(server.config).client,
    signal,
    timeoutMs: fleet.settings.healthCheckTimeoutMs,
  });

  /** Checks a server, or waits for the check that is under way. */
  function check(server: Server, signal: AbortSignal): Promise<void> {
    const underWay = checks.get(server) ??
      checkNow(server, signal).finally(() => checks.delete(server));
    checks.set(server, underWay);
    return underWay;
  }

  async function checkNow(server: Server, signal: AbortSignal): Promise<void> {
    const result = await checkHealth(server.config, probe(server, signal));
    // A server whose models nobody knows is of no use yet, so they come first.
    const unlisted = server.models.size === 0;
    if (result.ok && unlisted) await listModels(server, signal);
    if (!signal.aborted) fleet.recordCheck(server, result);
    if (result.ok && !unlisted) await listModels(server, signal);
  }

  async function listModels(server: Server, signal: AbortSignal): Promise<void> {
    if (server.config.models || signal.aborted) return;
    try {
      const models = await fetchModels(server.config, probe(server, signal));
      if (!signal.aborted) fleet.recordModels(server, models);
    } catch (error) {
      // What it listed before is still believed.
      const why = failureIn(error);
      if (signal.aborted || server.models.size > 0 || server.modelsFailure === why) return;
      fleet.recordNoModels(server, why);
      onNoModels(server.config.url, why);
    }
  }

  async function scrape(server: Server, signal: AbortSignal): Promise<void> {
    const state = stateOf(server);
    if (state === "unhealthy") return await lookForRecovery(server, signal);
    if (state === "checking") return;
    const before = server.inFlight;
    let metrics: ServerMetrics | undefined;
    try {
      metrics = await fetchMetrics(server.config, probe(server, signal));
    } catch {
      // Nobody there: the next check would tell too late.
      if (!signal.aborted && fleet.settings.activeHealthCheck) await check(server, signal);
    }
    if (signal.aborted) return;
    if (!metrics) return fleet.recordNoScrape(server);
    const { running, waiting, kvCacheUsage, kvCacheTokens, maxFds, counters, asleep } = metrics;
    // The page was made between the two counts; the larger one can't mistake ours for others'.
    const ownInFlight = Math.max(before, server.inFlight);
    const known = running === undefined && waiting === undefined ? undefined : {
      running: running ?? 0,
      waiting: waiting ?? 0,
      kvCacheUsage,
      kvCacheTokens,
      maxFds,
      counters,
      ownInFlight,
    };
    fleet.recordScrape(server, known, asleep);
  }

  /** A server that is back is not to wait for the next regular check. */
  async function lookForRecovery(server: Server, signal: AbortSignal): Promise<void> {
    const idleMs = now() - (server.lastCheckAt ?? 0);
    if (fleet.settings.activeHealthCheck && idleMs >= RECOVERY_LOOK_MS) {
      await check(server, signal);
    }
  }

  /** With active checks off, a server is checked at its start and some time after it failed. */
  function dueForCheck(server: Server): boolean {
    const { activeHealthCheck, autoRecoveryMs } = fleet.settings;
    if (activeHealthCheck || server.health.status === "checking") return true;
    // Whose models nobody knows is of no use, healthy or not.
    if (server.health.status !== "unhealthy") return server.models.size === 0;
    return now() - (server.lastFailureAt ?? 0) >= autoRecoveryMs;
  }

  function start(server: Server) {
    const stop = new AbortController();
    const { promise: checked, resolve } = Promise.withResolvers<void>();
    const checking = repeat(
      async () => {
        if (dueForCheck(server)) await check(server, stop.signal).catch(onError);
        resolve();
      },
      () => fleet.settings.activeHealthCheck ? fleet.settings.healthCheckIntervalMs : IDLE_LOOK_MS,
      stop.signal,
    );
    const scraping = checked.then(() =>
      repeat(
        () => scrape(server, stop.signal).catch(onError),
        () => fleet.settings.metricsIntervalMs,
        stop.signal,
      )
    );
    loops.set(server, {
      stop,
      checked,
      ended: Promise.all([checking, scraping]),
    });
  }

  const poller: Poller = {
    sync() {
      const present = new Set(
        fleet.servers.filter((server) => !server.draining),
      );
      for (const [server, loop] of loops) {
        if (present.has(server)) continue;
        loop.stop.abort();
        loops.delete(server);
        stopped.add(loop.ended);
        loop.ended.then(() => stopped.delete(loop.ended));
      }
      for (const server of present) if (!loops.has(server)) start(server);
    },
    async firstRound() {
      await Promise.all([...loops.values()].map((loop) => loop.checked));
    },
    async stop() {
      for (const loop of loops.values()) loop.stop.abort();
      await Promise.all([...stopped, ...[...loops.values()].map((loop) => loop.ended)]);
    },
  };
  poller.sync();
  return poller;
}
