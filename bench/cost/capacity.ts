import { descriptorLimit, isInstalled, sleep, withDescendants } from "../support/processes.ts";
import { startStreams, type Streams } from "./load/drive.ts";
import { streamsWithin } from "./memory.ts";
import { type Bench, startedAnew } from "./rounds.ts";
import type { Rounds } from "./statistics.ts";
import { startUpstream } from "./upstream/start.ts";

/** 50 tokens a second. */
const EVERY_MS = 20;
/** Streams are added in steps until tokens come late. */
const STEP = 100;
/** More than the simulated server and the load can serve from one core. */
const MOST_STREAMS = 4_000;
/** Most streams are read only this often, so that reading doesn't take the core. */
const LAZY_MS = 500;
const SETTLE_MS = 200;
/** Time for just-in-time compilation to settle. */
const WARM_UP_MS = 2_000;
/** Measurements of a step that must all be late to end the search: one may have been disturbed. */
const TRIES = 3;
const PROXY_CORE = "0";

/** Returns why the part can't run here. */
export function whyNoCapacity(): string | undefined {
  if (navigator.hardwareConcurrency < 2) return "needs two cores";
  return isInstalled("taskset", "-V") ? undefined : "needs taskset: apt-get install util-linux";
}

/**
 * Measures with how many streams of 50 tokens a second a proxy on one core still delivers 99% of
 * the tokens before the next one is due. The upstream and the load have the other cores.
 */
export async function measureCapacity(bench: Bench): Promise<Rounds> {
  const otherCores = `1-${navigator.hardwareConcurrency - 1}`;
  const most = streamsWithin(MOST_STREAMS, descriptorLimit());
  await using upstream = await startUpstream({ everyMs: EVERY_MS });
  pin(upstream.pid, otherCores);
  return await startedAnew(bench, upstream.port, async ({ pid, port }, seconds) => {
    pin(pid, PROXY_CORE);
    await using load = startStreams({ port, lazyMs: LAZY_MS });
    pin(load.pid, otherCores);
    await load.open(STEP);
    await sleep(WARM_UP_MS);
    let inTime = 0;
    while (inTime < most && await isInTime(load, inTime + STEP, seconds / 2)) inTime += STEP;
    return inTime;
  });
}

async function isInTime(load: Streams, streams: number, seconds: number): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    await load.open(streams);
    await sleep(SETTLE_MS);
    await load.open(streams); // discards what came until now
    await sleep(seconds * 1000);
    const { p99Ms } = await load.open(streams);
    // 0 if no token came at all.
    if (p99Ms > 0 && p99Ms <= EVERY_MS) return true;
  }
  return false;
}

/** Restricts all threads of a process and its descendants to these cores. */
function pin(pid: number, cores: string): void {
  for (const one of withDescendants(pid)) {
    const args = ["-a", "-c", "-p", cores, String(one)];
    const { success } = new Deno.Command("taskset", { args, stdout: "null" }).outputSync();
    if (!success) throw new Error(`taskset could not restrict process ${one} to cores ${cores}`);
  }
}
