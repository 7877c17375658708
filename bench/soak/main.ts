/**
 * Runs the router under load long enough to detect leaks of memory, descriptors, timers and counted
 * requests. See ../README.md. Linux only.
 */
import { Command } from "commander";
import { number } from "../../src/cli/options.ts";
import { startServers } from "../chaos/servers.ts";
import { killChildren, sleep } from "../support/processes.ts";
import { setFaults } from "./faults.ts";
import type { Held } from "./gateway.ts";
import { createLoad } from "./load.ts";
import { type SoakedRouter, startSoaked } from "./process.ts";
import { problemsOf, report, type Soaked } from "./report.ts";

interface SoakOptions {
  readonly requests: number;
  readonly seed: number;
  readonly clients: number;
}

const SERVERS = 4;
/** Number of memory samples; the faults change at each one. */
const SAMPLES = 52;
/** Fast, but slow enough that a client can leave mid-stream. */
const SIMULATOR = {
  maxNumSeqs: 4096,
  kvBlocks: 262_144,
  interTokenMs: 4,
  interTokenGrowth: 0,
  prefillTokensPerSecond: 1e9,
};
const SETTINGS = {
  metrics_interval: 0.5,
  health_check_interval: 1,
  request_timeout: 0.5,
  chunk_timeout: 0.5,
  // Single requests fail but the servers are fine, so they must stay in rotation.
  failure_threshold: 1_000_000,
};
const WARM_UP_REQUESTS = 500;
/** Time within which idle connections to servers are closed. */
const IDLE_MS = 6_000;
const SETTLE_MS = 15_000;
const LOOKS = 8;
const LOOK_MS = 300;
const STOP_MS = 10_000;

async function soak({ requests, seed, clients }: SoakOptions): Promise<Soaked> {
  await using servers = await startServers(SERVERS, seed, SIMULATOR);
  const { simulators } = servers;
  const router = await startSoaked({
    servers: {
      servers: simulators.map(({ url }) => ({ url, max_concurrent_requests: clients })),
    },
    config: SETTINGS,
  });
  const load = createLoad(router.port, clients, seed);
  await load.send(WARM_UP_REQUESTS);
  load.close();
  const idle = await idling(router);
  const samples: Held[] = [];
  const startedAt = performance.now();
  for (let step = 0; step < SAMPLES; step++) {
    await setFaults(simulators, step);
    await load.send(Math.ceil(requests / SAMPLES));
    samples.push(await router.held());
    Deno.stdout.writeSync(new TextEncoder().encode("."));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  console.log("\n");
  load.close();
  await Promise.all(simulators.map((simulator) => simulator.setFault(null)));
  const last = await settled(router, idle);
  const states = simulators.map(({ state }) => state());
  return {
    fates: load.fates,
    seconds,
    failed: states.reduce((sum, { failed }) => sum + failed, 0),
    samples,
    idle,
    last,
    leftAtServers: states.reduce((sum, { running, waiting }) => sum + running + waiting, 0),
    ending: await router.stop(STOP_MS),
  };
}

/** Samples the idle router and returns the most descriptors seen, since its probes come and go. */
async function idling(router: SoakedRouter): Promise<Held> {
  await sleep(IDLE_MS);
  const looks: Held[] = [];
  for (let look = 0; look < LOOKS; look++) {
    looks.push(await router.held());
    await sleep(LOOK_MS);
  }
  return looks.toSorted((a, b) => b.descriptors - a.descriptors)[0]!;
}

/** Waits until the router has no more descriptors open than at the start. */
async function settled(router: SoakedRouter, idle: Held): Promise<Held> {
  const deadline = performance.now() + SETTLE_MS;
  while (true) {
    const held = await router.held();
    const over = held.inFlight === 0 && held.descriptors <= idle.descriptors;
    if (over || performance.now() > deadline) return held;
    await sleep(LOOK_MS);
  }
}

const count = (least: number) => number({ least, whole: true });

await new Command("deno task soak")
  .description("Sends many requests, some of which fail, and checks for leaks.")
  .option("--requests <count>", "number of requests", count(1000), 200_000)
  .option("--seed <number>", "random seed", count(0), 1)
  .option("--clients <count>", "concurrent clients", count(1), 64)
  .action(async (options: SoakOptions) => {
    try {
      const soaked = await soak(options);
      console.log(report(soaked));
      Deno.exitCode = problemsOf(soaked).length > 0 ? 1 : 0;
    } finally {
      killChildren();
    }
  })
  .parseAsync(Deno.args, { from: "user" });
