import { createAdmin } from "./admin.ts";
import { createApp } from "./api/app.ts";
import { createForward } from "./api/forward.ts";
import { createForwardedPaths } from "./api/forwarded_paths.ts";
import { createGuard } from "./api/guard.ts";
import { modelsDocument } from "./api/models.ts";
import { createKeyLimits } from "./auth/key_limits.ts";
import { hostAndPort } from "./config/access_schema.ts";
import { ADDED } from "./config/added_server.ts";
import { followConfig } from "./config/file/follow.ts";
import { openAddedServers } from "./discovery/added/added_servers.ts";
import { watchSources } from "./discovery/sources.ts";
import { drain } from "./drain.ts";
import { openClientPool } from "./http/client_pool.ts";
import { openSockets } from "./http/h1/tcp_socket.ts";
import { Fleet } from "./fleet/fleet.ts";
import { modelFor } from "./fleet/model_names.ts";
import { startPolling } from "./polling/poll.ts";
import { monotonicMs } from "./util/clock.ts";
import { pause } from "./util/interval.ts";
import { logAnswered, logError } from "./monitor/log.ts";
import { logRefused } from "./monitor/log_access.ts";
import { logStateRestored } from "./monitor/log_state.ts";
import { startObserving } from "./monitor/observing.ts";
import type { Gateway, GatewayOptions } from "./gateway_types.ts";
import { startPeers } from "./peers/start_peers.ts";
import { createProxies } from "./proxy/create_proxies.ts";
import { startEndpoints } from "./http/endpoints.ts";
import { openStateFile } from "./state_file.ts";
import { addedOf, estimatesOf } from "./state_parts.ts";
import { endTraces, startTracing } from "./tracing/start_tracing.ts";
import { VERSION } from "./version.ts";

export type { Gateway, GatewayOptions };

/** How long requests wait for the first round of polling. */
const FIRST_ROUND_MS = 1_000;

/** Builds the router, starts its loops and serves. Throws the error of `Deno.serve`. */
export function startGateway(options: GatewayOptions): Gateway {
  const { hostname, config, file } = options;
  const stopping = new AbortController();
  const cutOff = new AbortController();
  let { access, modelNames, proxy, settings } = config;
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
        paths.has(exchange) ? whenStarted(() => forward(exchange, peer)) : undefined,
    },
    adminService: { answer: (...call) => adminApp.fetch(...call), forward: () => undefined },
    onRefused: logRefused,
    onConnectionFailed: (reason) => listener.connectionFailed(reason),
  });

  const fleet = new Fleet({
    config,
    onDecision: (decision) => listener.chose(decision),
    onStateChange: (change) => listener.stateChanged(change),
    onOutcome: (server, outcome) => listener.attemptEnded(server, outcome),
    onDoubt: (server) => poller.look(server),
  });
  const snapshot = () => fleet.snapshot();
  const added = openAddedServers({ proxy: () => proxy, onChange: () => stateFile.saveNow() });
  const sources = watchSources(config, {
    added: { name: ADDED, start: added.start },
    listener: () => listener,
    onServers(servers) {
      fleet.reconcile({ settings, servers });
      poller.sync();
      connections.keep(servers);
    },
  });
  const { keyring, budgets, shared } = createKeyLimits(() => access, monotonicMs);
  const peers = startPeers(config.peers, fleet.peers, shared, () => listener);
  const isAdminElsewhere = admin !== undefined;
  const address = `${access.tls ? "https" : "http"}://${hostAndPort(hostname, main.port)}`;
  const { listener, metrics, monitor, stop: stopObserving } = startObserving(snapshot, {
    identity: { version: VERSION, address, isAdminElsewhere, startedAt: Date.now() },
    keys: { list: () => access.keys, shareOf: budgets.shareOf },
    openConnections: access.http1 === "own" ? openSockets : undefined,
    ...{ sources: () => [...sources.status(), ...peers.sources()], peers: peers.status },
    more: [endTraces],
  });
  const stateFile = openStateFile({
    path: () => fleet.settings.stateFile,
    parts: { estimates: estimatesOf(fleet, sources.areRead), servers: addedOf(added) },
    onRestored: logStateRestored,
    onProblem: listener.stateFileProblem,
  });

  const connections = openClientPool(access.http1);
  const connect = (ca?: string) => connections.to(ca === undefined ? {} : { ca }).fetch;
  const tracing = startTracing(config, { connect, listener, version: VERSION });
  const shown = {
    snapshot,
    onListed: () => void poller.relist(),
    modelNames: () => modelNames,
    monitor,
    metrics,
    stopping: stopping.signal,
    onAnswered: logAnswered,
    onError: logError,
  };
  const guard = createGuard({
    keyring,
    budgets,
    access: () => access,
    settings: () => fleet.settings,
    onTurnedAway: listener.turnedAway,
    onWrongKey: listener.wrongKey,
  });
  const paths = createForwardedPaths(() => fleet.settings.extraPaths);
  const entry = { ...shown, paths, guard, tracer: tracing.tracer };
  const forward = createForward({
    ...entry,
    ...createProxies({
      fleet,
      connections,
      observer: listener,
      tracer: tracing.tracer,
      cutOff: cutOff.signal,
      listedModels: () => modelsDocument(snapshot(), modelNames).data.map(({ id }) => id),
      modelFor: (asked, mayUse) => modelFor(modelNames, asked, fleet.servers, mayUse, Math.random),
      relist: () => poller.relist(),
    }),
  });
  const app = createApp({
    ...entry,
    forward,
    corsOrigins: () => access.corsOrigins,
    adminIsElsewhere: isAdminElsewhere,
  });
  const poller = startPolling(fleet, connections, {
    onError: logError,
    onNoModels: listener.noModels,
    onNoMetrics: listener.noMetrics,
  });
  const adminApp = createAdmin({
    ...{ ...shown, fleet, added, sources, connections, poller, peers },
    access: () => access,
    hostname: admin?.hostname,
    onWrongKey: listener.wrongKey,
  });
  const firstRound = sources.settled().then(() => poller.firstRound());
  starting = Promise.race([firstRound, pause(FIRST_ROUND_MS, stopping.signal)])
    .then(() => void (starting = undefined));
  const follower = file && followConfig({
    ...file,
    pollMs: () => fleet.settings.configReloadIntervalMs,
    onConfig(config, warnings) {
      const notTaken = take(config.access).map((what) => ({ where: file.path, what }));
      const keysWereOn = access.keysAreOn;
      ({ access, modelNames, proxy, settings } = config);
      added.refresh();
      for (const part of [sources, tracing, peers]) part.update(config);
      options.onReload?.(config);
      listener.reloaded(config, [...warnings, ...notTaken]);
      if (keysWereOn && !access.keysAreOn) listener.keysTurnedOff();
    },
    onProblems: listener.notReloaded,
    onError: logError,
  });

  async function stop(drainMs?: number): Promise<void> {
    follower?.stop();
    const sourcesStopped = sources.stop();
    await drain({ main, fleet, stopping, cutOff }, drainMs);
    const parts = [poller.stop(), sourcesStopped, tracing.stop(), peers.stop()];
    await Promise.all([admin?.drain(0, () => {}), ...parts]);
    await stateFile.close();
    stopObserving();
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
    detail: monitor.detail,
    reload: async () => await follower?.reload(),
    shutdown,
    [Symbol.asyncDispose]: () => shutdown(0),
  };
}
