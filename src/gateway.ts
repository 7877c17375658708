import { createApp } from "./api/app.ts";
import type { Config } from "./config/config.ts";
import { followConfig } from "./config/follow.ts";
import { Fleet } from "./fleet/fleet.ts";
import { startPolling } from "./fleet/poll.ts";
import { pause } from "./fleet/repeat.ts";
import * as log from "./monitor/log.ts";
import { createProxy } from "./proxy/proxy.ts";
import { BrokenAnswer } from "./proxy/relay.ts";

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
}

/** A running router. */
export interface Gateway extends AsyncDisposable {
  /** The address it listens on. */
  readonly hostname: string;
  /** The port it listens on. */
  readonly port: number;
  /** What it knows of its servers. */
  readonly fleet: Fleet;
  /** Reads the configuration file again, now. */
  reload(): Promise<void>;
  /**
   * Refuses new requests, lets those in flight finish, and stops.
   *
   * @param drainMs after which what is still in flight is cut off. @default 120 000
   */
  shutdown(drainMs?: number): Promise<void>;
}

/** vLLM closes an idle connection after 5 s; a pool that keeps one longer meets a reset on reuse. */
const POOL_IDLE_MS = 4_000;
const POOL_IDLE_PER_SERVER = 1_024;
/** How long the first requests may wait for the servers' first answers. */
const FIRST_ROUND_MS = 1_000;
const DRAIN_MS = 120_000;
const DRAIN_LOOK_MS = 20;

/** Builds the router, starts its loops and serves. Throws what `Deno.serve` throws. */
export function startGateway(
  { hostname, port, config, file }: GatewayOptions,
): Gateway {
  const client = Deno.createHttpClient({
    poolIdleTimeout: POOL_IDLE_MS,
    poolMaxIdlePerHost: POOL_IDLE_PER_SERVER,
    http2: false,
  });
  const fleet = new Fleet({ config, onStateChange: log.logStateChange });
  const stopping = new AbortController();
  const cutOff = new AbortController();
  const app = createApp({
    proxy: createProxy({
      fleet,
      client,
      onFailover: log.logFailover,
      onAccount: log.logAccount,
    }),
    snapshot: () => fleet.snapshot(),
    accepting: () => !stopping.signal.aborted,
    onError: log.logError,
  });

  let starting: Promise<void> | undefined;
  let active = 0;
  const finished = () => void active--;
  const server = Deno.serve(
    {
      hostname,
      port,
      signal: cutOff.signal,
      onListen: () => {},
      onError(error) {
        // A broken answer has told its story; here it only closes the connection.
        if (!(error instanceof BrokenAnswer)) log.logError(error);
        return new Response(null, { status: 500 });
      },
    },
    (request, { completed }) => {
      active++;
      completed.then(finished, finished);
      return starting ? starting.then(() => app.fetch(request)) : app.fetch(request);
    },
  );

  const poller = startPolling(fleet, client);
  starting = Promise.race([
    poller.firstRound(),
    pause(FIRST_ROUND_MS, stopping.signal),
  ])
    .then(() => void (starting = undefined));

  const follower = file && followConfig({
    ...file,
    pollMs: () => fleet.settings.configReloadIntervalMs,
    onConfig(config, warnings) {
      fleet.reconcile(config);
      poller.sync();
      log.logReload(config, warnings);
    },
    onProblems: log.logProblems,
  });

  async function shutdown(drainMs = DRAIN_MS): Promise<void> {
    if (stopping.signal.aborted) return;
    stopping.abort();
    follower?.stop();
    const deadline = performance.now() + drainMs;
    while (active > 0 && performance.now() < deadline) {
      await pause(DRAIN_LOOK_MS, cutOff.signal);
    }
    if (active > 0) cutOff.abort();
    await Promise.all([active > 0 ? server.finished : server.shutdown(), poller.stop()]);
    client.close();
  }

  return {
    hostname: server.addr.hostname,
    port: server.addr.port,
    fleet,
    reload: async () => await follower?.reload(),
    shutdown,
    [Symbol.asyncDispose]: () => shutdown(0),
  };
}
