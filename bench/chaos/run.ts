import { createRandom } from "../../src/simulator/random.ts";
import { sleep } from "../support/processes.ts";
import { type Asking, drawAsking } from "./asking.ts";
import { Client, type Got } from "./client.ts";
import { conduct } from "./conduct.ts";
import { configFile } from "./config_file.ts";
import { type Router, startRouter } from "./router.ts";
import type { Schedule } from "./schedule.ts";
import { type Servers, startServers } from "./servers.ts";

export interface RunOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly clients: number;
  readonly servers: number;
  /** The folder for the configuration file. */
  readonly folder: string;
}

/** Everything that happened in a run. */
export interface Run {
  readonly asked: readonly { readonly asking: Asking; readonly got: Got }[];
  readonly servers: Servers;
  readonly router: Router;
  /** The schedule's start, on the clock of `performance.now`. */
  readonly startedAt: number;
  /** Requests still counted at the end, and where they are counted. */
  readonly leftOver: readonly string[];
  /** Undefined if the router had to be killed. */
  readonly exitCode: number | undefined;
}

/** Short times, so that each setting takes effect within a run of a minute. */
const SETTINGS = {
  log_level: "info",
  metrics_interval: 0.1,
  health_check_interval: 1,
  health_check_timeout: 1,
  request_timeout: 2,
  connect_timeout: 1,
  chunk_timeout: 2,
  stall_timeout: 2,
  drain_timeout: 5,
  drain_delay: 0,
};
/** Seats for every client at each server, and a token every 40 ms, whatever the load. */
const SIMULATOR = {
  maxNumSeqs: 4096,
  kvBlocks: 262_144,
  interTokenMs: 40,
  interTokenGrowth: 0,
  prefillTokensPerSecond: 1e6,
  metricsAtStepEnd: true,
};
const SETTLE_MS = 10_000;
const STOP_MS = 10_000;

/** Runs the router before servers in trouble, with clients that send requests until the end. */
export async function run(options: RunOptions, schedule: Schedule): Promise<Run> {
  const { seed, seconds, clients, folder } = options;
  await using servers = await startServers(options.servers, seed, SIMULATOR);
  const urls = servers.simulators.map(({ url }) => url);
  // Enough retries to reach every server, so that a request finds the last available one.
  const config = configFile(folder, urls, { ...SETTINGS, max_retries: options.servers - 1 });
  await config.write();
  await using router = await startRouter(config.path);
  await (await fetch(`${router.url}/health`)).body?.cancel();

  const asked: { asking: Asking; got: Got }[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1000;
  async function askOn(client: number): Promise<void> {
    const random = createRandom(seed * 1000 + client);
    const own = new Client(router.port);
    await sleep(client);
    for (let count = 0; performance.now() < endsAt; count++) {
      const asking = drawAsking(`${seed}.${client}.${count}`, random);
      asked.push({ asking, got: await own.ask(asking) });
      await sleep(asking.pauseMs);
    }
    own.close();
  }
  await Promise.all([
    conduct(schedule, servers.simulators, config, startedAt),
    ...Array.from({ length: clients }, (_, client) => askOn(client)),
  ]);
  const leftOver = await settle(router, servers);
  const exitCode = await router.stop(STOP_MS);
  return { asked, servers, router, startedAt, leftOver, exitCode };
}

/** Waits until no request is counted anywhere; on a timeout returns where some still are. */
async function settle(router: Router, { simulators }: Servers): Promise<string[]> {
  const deadline = performance.now() + SETTLE_MS;
  while (true) {
    const leftOver: string[] = [];
    simulators.forEach(({ state, url }) => {
      const { running, waiting } = state();
      if (running + waiting > 0) leftOver.push(`${url} runs ${running}, ${waiting} wait`);
    });
    const stats = await (await fetch(`${router.url}/load-stats`)).json();
    for (const { url, in_flight } of stats.servers) {
      if (in_flight > 0) leftOver.push(`the router counts ${in_flight} at ${url}`);
    }
    if (leftOver.length === 0 || performance.now() > deadline) return leftOver;
    await sleep(50);
  }
}
