import type { SimulatorOptions } from "../../src/simulator/simulator.ts";
import { runLoad, whileOpen } from "./drive.ts";
import { cpuMicroseconds, type Listening, residentKilobytes, sleep } from "../support/processes.ts";
import type { Proxy } from "./proxies.ts";
import { startUpstream } from "./upstream.ts";

/** What to measure, and how thoroughly. */
export interface Bench {
  readonly proxies: readonly Proxy[];
  /** Folder for the proxies' files. */
  readonly folder: string;
  readonly rounds: number;
  /** Duration of the load in one round of one proxy. */
  readonly seconds: number;
}

/** The measured values per round, by proxy name. */
export type Rounds<T = number> = ReadonlyMap<string, readonly T[]>;

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The name under which {@linkcode measureLatency} reports the simulator without a proxy. */
export const DIRECT = "direct";
export const STREAMS = 64;
export const OPEN_STREAMS = 1000;
/** Requests per second, far below the capacity of each proxy, so that nothing queues. */
export const LATENCY_RATE = 400;

/** All requests run concurrently, at the pace of a single one. */
const SIDE_BY_SIDE = {
  maxNumSeqs: 4096,
  kvBlocks: 262_144,
  interTokenGrowth: 0,
};
/** An answer takes only the simulator's own CPU time; its tokens come in one step. */
const AT_ONCE: SimulatorOptions = {
  ...SIDE_BY_SIDE,
  interTokenMs: 0,
  prefillTokensPerSecond: 1e9,
};
const TOKEN_EVERY_MS = 10;
/** Time for just-in-time compilation to settle. */
const WARM_UP_SECONDS = 2;

/** Measures the CPU per non-streaming request in microseconds, under load of 32 connections. */
export function measureRequests(
  bench: Bench,
  headers: Readonly<Record<string, string>> = {},
): Promise<Rounds> {
  return inTurn(bench, AT_ONCE, [], async ({ pid, port }, seconds) => {
    const before = cpuMicroseconds(pid);
    const load = { port, connections: 32, headers, body: chat(32), seconds };
    const { requests } = await runLoad(load);
    return (cpuMicroseconds(pid) - before) / requests;
  });
}

/** Measures the CPU per streamed event in microseconds: 64 streams, each a token every 10 ms. */
export function measureChunks(bench: Bench): Promise<Rounds> {
  const simulator = { ...SIDE_BY_SIDE, interTokenMs: TOKEN_EVERY_MS };
  return inTurn(bench, simulator, [], async ({ pid, port }, seconds) => {
    const before = cpuMicroseconds(pid);
    const body = chat(Math.round(seconds * 1000 / TOKEN_EVERY_MS), true);
    const load = { port, connections: STREAMS, body, seconds: 0 };
    const { events } = await runLoad(load);
    return (cpuMicroseconds(pid) - before) / events;
  });
}

/**
 * Measures the time from request to answer at a modest rate, for the proxies and for the simulator
 * alone. Uses a path that the simulator answers without its engine, whose timer would hide the
 * added latency.
 */
export function measureLatency(bench: Bench): Promise<Rounds<Latency>> {
  const path = "/tokenize";
  const load = { connections: 8, rate: LATENCY_RATE, path, body: chat(1) };
  return inTurn(
    bench,
    AT_ONCE,
    [DIRECT],
    ({ port }, seconds) => runLoad({ ...load, port, seconds }),
  );
}

/**
 * Measures the memory per open stream in KB, each with a token every 500 ms. A process keeps its
 * memory after many streams, so every round starts a new one. The baseline is taken with one
 * stream, which includes the memory needed at all.
 */
export async function measureMemory(bench: Bench): Promise<Rounds> {
  const { proxies, folder, rounds, seconds } = bench;
  const body = chat(10_000, true);
  const results = new Map(
    proxies.map(({ name }) => [name, [] as number[]]),
  );
  await using upstream = await startUpstream({
    ...SIDE_BY_SIDE,
    interTokenMs: 500,
  });
  for (let round = 0; round < rounds; round++) {
    for (const proxy of proxies) {
      await using process = await proxy.start(upstream.port, folder);
      const { pid, port } = process;
      const measure = async () => {
        await sleep(seconds * 1000);
        return residentKilobytes(pid);
      };
      const load = { port, body, seconds: 0 };
      const one = await whileOpen({ ...load, connections: 1 }, measure);
      const all = await whileOpen(
        { ...load, connections: OPEN_STREAMS },
        measure,
      );
      results.get(proxy.name)!.push((all - one) / OPEN_STREAMS);
    }
  }
  return results;
}

/**
 * Measures the proxies in turn, round after round, so that noise of the machine affects all alike.
 * All of them warm up first.
 */
async function inTurn<T>(
  { proxies, folder, rounds, seconds }: Bench,
  simulator: SimulatorOptions,
  upstreamNames: readonly string[],
  measure: (process: Listening, seconds: number) => Promise<T>,
): Promise<Rounds<T>> {
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startUpstream(simulator));
  const processes = new Map(upstreamNames.map((name) => [name, upstream]));
  for (const { name, start } of proxies) {
    processes.set(name, stack.use(await start(upstream.port, folder)));
  }
  await Promise.all(
    processes.values().map((process) => measure(process, WARM_UP_SECONDS)),
  );
  const results = new Map(
    processes.keys().map((name) => [name, [] as T[]]),
  );
  for (let round = 0; round < rounds; round++) {
    for (const [name, process] of processes) {
      results.get(name)!.push(await measure(process, seconds));
    }
  }
  return results;
}

/** Builds a chat request whose answer has `tokens` tokens of 4 bytes each. */
function chat(tokens: number, stream = false) {
  return {
    model: "simulated-model",
    messages: [{ role: "user", content: "What is the way to the sea?" }],
    max_tokens: tokens,
    ignore_eos: true,
    stream,
  };
}
