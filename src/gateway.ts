import { createApp } from "./api/app.ts";
import type { Config } from "./config/config.ts";
import { followConfig } from "./config/follow.ts";
import { Fleet } from "./fleet/fleet.ts";
import { startPolling } from "./fleet/poll.ts";
import { pause } from "./fleet/repeat.ts";
import { tellAll } from "./monitor/listener.ts";
import { logAnswered, logError, logListener } from "./monitor/log.ts";
import { createMetrics } from "./monitor/metrics.ts";
import { startMonitor } from "./monitor/monitor.ts";
import type { View } from "./monitor/view.ts";
import { createProxy } from "./proxy/proxy.ts";
import { BrokenAnswer } from "./proxy/relay.ts";
import { VERSION } from "./version.ts";

/** Where a router listens and what it begins with. */
export interface GatewayOptions {
  /** The address to listen on. */
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The first servers and settings. */
  readonly config: Config;
  /** The file behind `config` and its text, to be followed; without it nothing reloads. */
  readonly file?: { readonly path: string; readonly text: string };
  /** Hears of each configuration that takes effect after the first. @default nobody */
  readonly onReload?: (config: Config) => void;
}

/** A running router. */
export interface Gateway extends AsyncDisposable {
  /** The address it listens on. */
  readonly hostname: string;
  /** The port it listens on. */
  readonly port: number;
  /** What it knows of its servers. */
  readonly fleet: Fleet;
  /** The fleet as people are shown it. */
  view(): View;
  /** Reads the configuration file again, now. */
  reload(): Promise<void>;
  /**
   * Is not ready any more, takes new requests for `drain_delay`, then refuses connections, lets
   * what is in flight finish, and stops.
   *
   * @param drainMs after which what is still in flight is cut off. @default as configured
   */
  shutdown(drainMs?: number): Promise<void>;
}

/** vLLM closes an idle connection after 5 s; a pool that keeps one longer meets a reset on reuse. */
const POOL_IDLE_MS = 4_000;
const POOL_IDLE_PER_SERVER = 1_024;
/** How long the first requests may wait for the servers' first answers. */
const FIRST_ROUND_MS = 1_000;
const DRAIN_LOOK_MS = 20;
/** What was cut off has so long to tell its client. */
const LAST_WORDS_MS = 1_000;

/** Builds the router, starts its loops and serves. Throws what `Deno.serve` throws. */
export function startGateway(options: GatewayOptions): Gateway {
  const { hostname, config, file } = options;
  const stopping = new AbortController();
  const closing = new AbortController();
  const cutOff = new AbortController();
  let starting: Promise<void> | undefined;
  let active = 0;
  const finished = () => void active--;

  // First of all, so that nothing is half started where the port is taken.
  const server = Deno.serve({
    hostname,
    port: options.port,
    onListen: () => {},
    onError(error) {
      // A broken answer has told its story; here it only closes the connection.
      if (!(error instanceof BrokenAnswer)) logError(error);
      return new Response(null, { status: 500 });
    },
  }, (request, info) => {
    // All that is forwarded is POST; nothing else is worth waiting for at the end.
    if (request.method === "POST") {
      active++;
      info.completed.then(finished, finished);
    }
    return starting ? starting.then(() => app.fetch(request, info)) : app.fetch(request, info);
  });

  const fleet = new Fleet({
    config,
    onStateChange: (change) => listener.stateChanged(change),
    onOutcome: (server, outcome) => listener.attemptEnded(server, outcome),
  });
  const snapshot = () => fleet.snapshot();
  const metrics = createMetrics(snapshot, VERSION);
  const address = `http://${hostname}:${server.addr.port}`;
  const monitor = startMonitor(snapshot, { version: VERSION, address, startedAt: Date.now() });
  const listener = tellAll([logListener, metrics.listener, ...monitor.listeners], logError);

  const client = Deno.createHttpClient({
    poolIdleTimeout: POOL_IDLE_MS,
    poolMaxIdlePerHost: POOL_IDLE_PER_SERVER,
    http2: false,
  });
  const freshClient = Deno.createHttpClient({ poolMaxIdlePerHost: 0, http2: false });
  const app = createApp({
    proxy: createProxy({
      fleet,
      client,
      freshClient,
      observer: listener,
      closing: closing.signal,
      cutOff: cutOff.signal,
    }),
    snapshot,
    monitor,
    metrics,
    stopping: stopping.signal,
    onAnswered: logAnswered,
    onError: logError,
  });
  const poller = startPolling(fleet, client);
  starting = Promise.race([poller.firstRound(), pause(FIRST_ROUND_MS, stopping.signal)])
    .then(() => void (starting = undefined));
  const follower = file && followConfig({
    ...file,
    pollMs: () => fleet.settings.configReloadIntervalMs,
    onConfig(config, warnings) {
      fleet.reconcile(config);
      poller.sync();
      options.onReload?.(config);
      listener.reloaded(config, warnings);
    },
    onProblems: listener.notReloaded,
    onError: logError,
  });

  async function shutdown(drainMs?: number): Promise<void> {
    if (stopping.signal.aborted) return;
    stopping.abort();
    follower?.stop();
    const { drainDelayMs, drainTimeoutMs } = fleet.settings;
    if (drainMs === undefined) await pause(drainDelayMs, cutOff.signal);
    closing.abort();
    const closed = server.shutdown();
    const deadline = performance.now() + (drainMs ?? drainTimeoutMs);
    while (active > 0 && performance.now() < deadline) {
      await pause(DRAIN_LOOK_MS, cutOff.signal);
    }
    cutOff.abort();
    const enough = new AbortController();
    const said = closed.then(() => enough.abort());
    await Promise.race([said, pause(LAST_WORDS_MS, enough.signal)]);
    await poller.stop();
    monitor.stop();
    client.close();
    freshClient.close();
  }

  return {
    hostname: server.addr.hostname,
    port: server.addr.port,
    fleet,
    view: monitor.view,
    reload: async () => await follower?.reload(),
    shutdown,
    [Symbol.asyncDispose]: () => shutdown(0),
  };
}
