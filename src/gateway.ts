import { createAdminApp, createApp } from "./api/app.ts";
import { createForward, isForwarded } from "./api/forward.ts";
import { createGuard } from "./api/guard.ts";
import { createKeyring } from "./auth/keyring.ts";
import { hostAndPort } from "./config/access_schema.ts";
import type { Config } from "./config/config.ts";
import { followConfig } from "./config/file/follow.ts";
import type { Loaded } from "./config/file/load.ts";
import { drain } from "./drain.ts";
import { openClientPool } from "./http/client_pool.ts";
import { Fleet } from "./fleet/fleet.ts";
import { startPolling } from "./polling/poll.ts";
import { pause } from "./util/interval.ts";
import { combineListeners } from "./monitor/listener.ts";
import { logAnswered, logError, logListener } from "./monitor/log.ts";
import { logRefused, logWrongKeys } from "./monitor/log_access.ts";
import { createMetrics } from "./monitor/metrics.ts";
import { startMonitor } from "./monitor/monitor.ts";
import type { View } from "./monitor/view.ts";
import { createWrongKeys } from "./monitor/wrong_keys.ts";
import { createProxy } from "./proxy/proxy.ts";
import { startEndpoints } from "./http/endpoints.ts";
import { VERSION } from "./version.ts";

/** Where a router listens and its initial configuration. */
export interface GatewayOptions {
  /** The address to listen on. */
  readonly hostname: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** The initial configuration. */
  readonly config: Config;
  /** The file that `config` was loaded from, to watch for changes. @default no reloads */
  readonly file?: { readonly path: string } & Pick<Loaded, "text" | "files">;
  /** Called with each configuration that takes effect after the initial one. */
  readonly onReload?: (config: Config) => void;
}

/** A running router. */
export interface Gateway extends AsyncDisposable {
  /** The address it listens on. */
  readonly hostname: string;
  /** The port it listens on. */
  readonly port: number;
  /** The admin address, if configured. */
  readonly admin: { readonly hostname: string; readonly port: number } | undefined;
  /** State of the servers. */
  readonly fleet: Fleet;
  /** Returns the fleet's state as shown on the dashboard. */
  view(): View;
  /** Reloads the configuration file now. */
  reload(): Promise<void>;
  /**
   * Stops the router gracefully:
   *
   * 1. Reports not ready, but keeps serving for `drain_delay` (at least 1 s if there has been a
   *    POST), with responses that ask clients to close their connections.
   * 2. Refuses new connections and waits for requests in flight.
   *
   * A later call waits for the same shutdown; its argument has no effect.
   *
   * @param drainMs skips step 1, and aborts requests still in flight after this time. @default
   * `drain_timeout`
   */
  shutdown(drainMs?: number): Promise<void>;
}

/** How long the first requests wait for the first round of polling. */
const FIRST_ROUND_MS = 1_000;

/** Builds the router, starts its loops and serves. Throws the error of `Deno.serve`. */
export function startGateway(options: GatewayOptions): Gateway {
  const { hostname, config, file } = options;
  const stopping = new AbortController();
  const closing = new AbortController();
  const cutOff = new AbortController();
  let { access } = config;
  let starting: Promise<void> | undefined;
  const whenStarted = <T>(answer: () => T | Promise<T>) =>
    starting ? starting.then(answer) : Promise.resolve(answer());

  // Comes first, so that nothing else has started if a port is in use.
  const { main, admin, take } = startEndpoints({
    hostname,
    port: options.port,
    access,
    onError: logError,
    service: {
      answer: (request, info) => whenStarted(() => app.fetch(request, info)),
      forward: (exchange, peer) =>
        isForwarded(exchange) ? whenStarted(() => forward(exchange, peer)) : undefined,
    },
    adminService: {
      answer: (request, info) => adminApp.fetch(request, info),
      forward: () => undefined,
    },
    onRefused: logRefused,
  });

  const fleet = new Fleet({
    config,
    onDecision: (decision) => listener.chose(decision),
    onStateChange: (change) => listener.stateChanged(change),
    onOutcome: (server, outcome) => listener.attemptEnded(server, outcome),
    onDoubt: (server) => poller.look(server),
  });
  const snapshot = () => fleet.snapshot();
  const metrics = createMetrics(snapshot, VERSION);
  const address = `${access.tls ? "https" : "http"}://${hostAndPort(hostname, main.port)}`;
  const monitor = startMonitor(snapshot, { version: VERSION, address, startedAt: Date.now() });
  const wrongKeys = createWrongKeys({ report: logWrongKeys });
  const listener = combineListeners(
    [logListener, { wrongKey: wrongKeys.add }, metrics.listener, ...monitor.listeners],
    logError,
  );

  const connections = openClientPool(access.http1);
  const shown = {
    snapshot,
    monitor,
    metrics,
    stopping: stopping.signal,
    onAnswered: logAnswered,
    onError: logError,
  };
  const guard = createGuard({
    keyring: createKeyring(() => access.keys),
    access: () => access,
    settings: () => fleet.settings,
    onTurnedAway: listener.turnedAway,
    onWrongKey: listener.wrongKey,
  });
  const forward = createForward({
    guard,
    proxy: createProxy({
      fleet,
      connections,
      observer: listener,
      closing: closing.signal,
      cutOff: cutOff.signal,
    }),
    onAnswered: logAnswered,
  });
  const app = createApp({
    ...shown,
    forward,
    guard,
    corsOrigins: () => access.corsOrigins,
    adminIsElsewhere: admin !== undefined,
  });
  const setDrained = (name: string, drained: boolean) => fleet.setDrained(name, drained);
  const adminApp = createAdminApp({ ...shown, hosts: () => access.adminHosts, setDrained });
  const poller = startPolling(fleet, connections, {
    onError: logError,
    onNoModels: listener.noModels,
    onNoMetrics: listener.noMetrics,
  });
  starting = Promise.race([poller.firstRound(), pause(FIRST_ROUND_MS, stopping.signal)])
    .then(() => void (starting = undefined));
  const follower = file && followConfig({
    ...file,
    pollMs: () => fleet.settings.configReloadIntervalMs,
    onConfig(config, warnings) {
      const notTaken = take(config.access).map((what) => ({ where: file.path, what }));
      const keysWereOn = access.keysAreOn;
      ({ access } = config);
      fleet.reconcile(config);
      poller.sync();
      options.onReload?.(config);
      listener.reloaded(config, [...warnings, ...notTaken]);
      if (keysWereOn && !access.keysAreOn) listener.keysTurnedOff();
    },
    onProblems: listener.notReloaded,
    onError: logError,
  });

  async function stop(drainMs?: number): Promise<void> {
    follower?.stop();
    await drain({ main, fleet, stopping, closing, cutOff }, drainMs);
    await Promise.all([admin?.drain(0, () => {}), poller.stop()]);
    monitor.stop();
    wrongKeys.stop();
    connections.close();
  }
  let stopped: Promise<void> | undefined;
  const shutdown = (drainMs?: number) => stopped ??= stop(drainMs);

  return {
    hostname: main.hostname,
    port: main.port,
    admin: admin && { hostname: admin.hostname, port: admin.port },
    fleet,
    view: monitor.view,
    reload: async () => await follower?.reload(),
    shutdown,
    [Symbol.asyncDispose]: () => shutdown(0),
  };
}
