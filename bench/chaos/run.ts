import { createRandom } from "../../src/simulator/random.ts";
import { sleep } from "../support/processes.ts";
import { type Asking, drawAsking } from "./asking.ts";
import { startBalancer } from "./balancer.ts";
import { Client, type Got } from "./client.ts";
import { conduct } from "./conduct.ts";
import type { DisturbingRouters } from "./disturb_routers.ts";
import { CAPACITY } from "./config_file.ts";
import type { Plan } from "./plan.ts";
import { type Routers, startRouters } from "./routers.ts";
import { type Servers, startServers } from "./servers.ts";
import { createTargetsFile } from "./targets_file.ts";

export interface RunOptions {
  readonly seed: number;
  readonly clients: number;
  readonly servers: number;
  /** The folder for the files of routers. */
  readonly folder: string;
}

/** Everything that happened in a run. */
export interface Run {
  readonly asked: readonly { readonly asking: Asking; readonly got: Got }[];
  readonly servers: Servers;
  readonly routers: Routers;
  /** The plan's start, on the clock of `performance.now`. */
  readonly startedAt: number;
  /** Requests still counted at the end, and where they are counted. */
  readonly leftOver: readonly string[];
  /** What became of the routers. */
  readonly disturbing: Pick<DisturbingRouters, "disturbed" | "knownAfterMs">;
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
  // Longer than the load balancer takes to see that a router is not ready.
  drain_delay: 2,
};
/** The time of a token, whatever the load. */
export const INTER_TOKEN_MS = 40;
/** Seats for every client at each server. */
const SIMULATOR = {
  maxNumSeqs: 4096,
  kvBlocks: 262_144,
  interTokenMs: INTER_TOKEN_MS,
  interTokenGrowth: 0,
  prefillTokensPerSecond: 1e6,
  metricsAtStepEnd: true,
};
const SETTLE_MS = 10_000;

/** Runs routers before servers in trouble, with clients that send requests until the end. */
export async function run(options: RunOptions, plan: Plan): Promise<Run> {
  const { seed, clients, folder } = options;
  await using servers = await startServers(options.servers, seed, SIMULATOR);
  const targets = await createTargetsFile(folder, CAPACITY);
  await using routers = await startRouters({
    folder,
    urls: servers.simulators.map(({ url }) => url),
    // Enough retries to reach every server, so that a request finds the last available one.
    settings: { ...SETTINGS, max_retries: options.servers - 1 },
    targets: targets.path,
  });
  await using balancer = startBalancer(routers.members.map(({ port }) => port));

  const asked: { asking: Asking; got: Got }[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + plan.phases.at(-1)!.to * 1000;
  async function askOn(client: number): Promise<void> {
    const random = createRandom(seed * 1000 + client);
    const own = new Client(balancer);
    await sleep(client);
    for (let count = 0; performance.now() < endsAt; count++) {
      const asking = drawAsking(`${seed}.${client}.${count}`, random);
      asked.push({ asking, got: await own.ask(asking) });
      await sleep(asking.pauseMs);
    }
    own.close();
  }
  const [disturbing] = await Promise.all([
    conduct(plan, { servers, routers, targets }, startedAt),
    ...Array.from({ length: clients }, (_, client) => askOn(client)),
  ]);
  const leftOver = await settle(routers, servers);
  await Promise.all(routers.members.map((member) => member.stop()));
  return { asked, servers, routers, startedAt, leftOver, disturbing };
}

/** Waits until no request is counted anywhere; on a timeout returns where some still are. */
async function settle({ members }: Routers, { simulators }: Servers): Promise<string[]> {
  const deadline = performance.now() + SETTLE_MS;
  while (true) {
    const leftOver: string[] = [];
    simulators.forEach(({ state, url }) => {
      const { running, waiting } = state();
      if (running + waiting > 0) leftOver.push(`${url} runs ${running}, ${waiting} wait`);
    });
    for (const { admin } of members) {
      const stats = await (await fetch(`${admin}/load-stats`)).json();
      for (const { url, in_flight } of stats.servers) {
        if (in_flight > 0) leftOver.push(`a router counts ${in_flight} at ${url}`);
      }
    }
    if (leftOver.length === 0 || performance.now() > deadline) return leftOver;
    await sleep(50);
  }
}
