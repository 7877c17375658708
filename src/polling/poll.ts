import { monotonicMs } from "../util/clock.ts";
import type { ClientPool } from "../http/client_pool.ts";
import { isDueForCheck } from "./check_schedule.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { checkHealth, type Probe, Unauthorized } from "./probe.ts";
import { findMetrics, findModels } from "./recognise.ts";
import { scrapeOf, wrongEngine } from "./scrape.ts";
import type { ServerMetrics } from "../engines/metrics_page.ts";
import { engineNameOf } from "../fleet/state/engine.ts";
import type { Poller, PollingOptions } from "./poller.ts";
import { createRelist } from "./relist.ts";
import { failureIn } from "../http/fetch_error.ts";
import { repeat } from "../util/interval.ts";
import type { Server } from "../fleet/state/server.ts";

/** Maximum interval between tests whether a check is due. */
const DUE_MS = 1_000;
/** Minimum interval between two checks triggered by requests. */
const LOOK_MS = 1_000;

function raise(error: unknown): never {
  throw error;
}

/**
 * Starts polling all servers concurrently: health and models in one loop, metrics in another, so
 * that a server that hangs delays neither other servers nor its own other loop.
 */
export function startPolling(
  fleet: Fleet,
  connections: ClientPool,
  {
    onError = raise,
    onNoModels = () => {},
    onNoMetrics = () => {},
    now = monotonicMs,
  }: PollingOptions = {},
): Poller {
  const loops = new Map<
    Server,
    { stop: AbortController; checked: Promise<void>; ended: Promise<unknown> }
  >();

  const checks = new Map<Server, Promise<void>>();
  const lookedAt = new WeakMap<Server, number>();
  const stopped = new Set<Promise<unknown>>();

  const probe = (server: Server, signal: AbortSignal): Probe => ({
    fetch: connections.to(server.config).fetch,
    signal,
    timeoutMs: fleet.settings.healthCheckTimeoutMs,
  });

  /** Checks a server, or joins a check in progress. */
  function check(server: Server, signal: AbortSignal): Promise<void> {
    const underWay = checks.get(server) ??
      checkNow(server, signal).finally(() => checks.delete(server));
    checks.set(server, underWay);
    return underWay;
  }

  async function checkNow(server: Server, signal: AbortSignal): Promise<void> {
    const result = await checkHealth(server.config, engineNameOf(server), probe(server, signal));
    // A server without a known model list is of no use yet, and a recovered one may have different
    // models, so the list is read first.
    const isUnlisted = server.models.size === 0;
    const isBack = result.ok && server.health.status !== "healthy";
    const listsFirst = isBack || (isUnlisted && !result.refused);
    // Another engine may have been started in its place.
    if (isBack) fleet.recordEngine(server, undefined);
    if (listsFirst) await listModels(server, true, signal);
    if (!signal.aborted) fleet.recordCheck(server, result);
    if (result.ok && !listsFirst) await listModels(server, false, signal);
  }

  async function listModels(server: Server, isNew: boolean, signal: AbortSignal): Promise<void> {
    if (server.config.models || signal.aborted) return;
    try {
      const known = engineNameOf(server);
      const found = await findModels(server.config, known, isNew, probe(server, signal));
      if (signal.aborted) return;
      fleet.recordEngine(server, found.engine ?? server.recognised);
      fleet.recordModels(server, found.models);
    } catch (error) {
      const why = failureIn(error);
      if (signal.aborted || server.modelsFailure?.why === why) return;
      fleet.recordNoModels(server, { why, isUnauthorized: error instanceof Unauthorized });
      if (server.models.size === 0) onNoModels(server.config.name, why);
    }
  }

  async function scrape(server: Server, signal: AbortSignal): Promise<void> {
    const { status } = server.health;
    if (status === "unhealthy" || status === "checking") return;
    const before = server.inFlight;
    let metrics: ServerMetrics | undefined;
    try {
      const found = await findMetrics(server.config, engineNameOf(server), probe(server, signal));
      metrics = found.metrics;
      fleet.recordEngine(server, found.engine ?? server.recognised);
      reportNoMetrics(server, wrongEngine(server));
    } catch (error) {
      // The server may be gone, and the next regular check would be too late.
      if (!signal.aborted && fleet.settings.activeHealthCheck) await check(server, signal);
      reportNoMetrics(server, failureIn(error));
    }
    if (signal.aborted) return;
    if (!metrics) return fleet.recordNoScrape(server);
    // The page was rendered between the two counts. The larger one never counts our requests as
    // others'.
    const ownInFlight = Math.max(before, server.inFlight);
    fleet.recordScrape(server, scrapeOf(metrics, ownInFlight), metrics.asleep);
  }

  /** Reports a metrics failure once, if there is one. An unhealthy server already has a reason. */
  function reportNoMetrics(server: Server, why: string | undefined): void {
    if (server.health.status === "unhealthy" || server.metricsFailure === why) return;
    server.metricsFailure = why;
    if (why !== undefined) onNoMetrics(server.config.name, why);
  }

  function start(server: Server) {
    const stop = new AbortController();
    const { promise: checked, resolve } = Promise.withResolvers<void>();
    const checking = repeat(
      async () => {
        if (isDueForCheck(server, fleet.settings, now())) {
          await check(server, stop.signal).catch(onError);
        }
        resolve();
      },
      () => Math.min(DUE_MS, fleet.settings.healthCheckIntervalMs),
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
    relist: createRelist(
      () =>
        Promise.all(
          [...loops].filter(([{ health }]) => health.status !== "unhealthy")
            .map(([server, { stop }]) => listModels(server, false, stop.signal)),
        ),
      now,
    ),
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
    look(server) {
      const loop = loops.get(server as Server);
      if (!loop || now() - (lookedAt.get(server as Server) ?? -Infinity) < LOOK_MS) return;
      lookedAt.set(server as Server, now());
      check(server as Server, loop.stop.signal).catch(onError);
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
