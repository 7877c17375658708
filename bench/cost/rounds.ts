import type { Listening } from "../support/processes.ts";
import type { Certificate, Proxy } from "./proxies/proxy.ts";
import { startProxy } from "./proxies/start.ts";
import { DIRECT, type Rounds } from "./statistics.ts";
import type { UpstreamOptions } from "./upstream/main.ts";
import { startUpstream } from "./upstream/start.ts";

/** What to measure, and how thoroughly. */
export interface Bench {
  readonly proxies: readonly Proxy[];
  /** Folder for the proxies' files. */
  readonly folder: string;
  readonly rounds: number;
  /** Duration of the load in one round of one proxy. */
  readonly seconds: number;
  /** Clients use TLS. @default plain */
  readonly tls?: Certificate | undefined;
}

/** Measures a process under load for `seconds`. */
export type Measure<T> = (process: Listening, seconds: number) => Promise<T>;

export interface RoundsOptions {
  readonly upstream?: Omit<UpstreamOptions, "port">;
  /** Measure the upstream as well, without a proxy. @default false */
  readonly isDirectToo?: boolean;
}

/**
 * Rounds of load for just-in-time compilation to settle: it compiles in the background, on the same
 * CPU time, until some ten thousand requests have passed.
 */
const WARM_UP_ROUNDS = 12;

/**
 * Measures the proxies in turn, round after round, so that noise of the machine affects all alike.
 * All of them warm up first.
 */
export async function inTurn<T>(
  { proxies, folder, rounds, seconds, tls }: Bench,
  measure: Measure<T>,
  { upstream: options = {}, isDirectToo = false }: RoundsOptions = {},
): Promise<Rounds<T>> {
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startUpstream(options));
  const processes = new Map(isDirectToo ? [[DIRECT, upstream]] : []);
  for (const proxy of proxies) {
    const process = await startProxy(proxy, { upstream: upstream.port, folder, tls });
    processes.set(proxy.name, stack.use(process));
  }
  const warmedUp = await Promise.all(
    processes.keys().map((name) =>
      tried(name, () => measure(processes.get(name)!, WARM_UP_ROUNDS * seconds))
    ),
  );
  const names = [...processes.keys()].filter((_, index) => warmedUp[index] !== undefined);
  return await repeat(rounds, names, (name) => measure(processes.get(name)!, seconds));
}

/**
 * Like {@linkcode inTurn}, but starts every proxy anew in each round, without a warm-up. A process
 * keeps memory that it once used.
 */
export function startedAnew<T>(
  { proxies, folder, rounds, seconds }: Bench,
  upstream: number,
  measure: Measure<T>,
): Promise<Rounds<T>> {
  const byName = new Map(proxies.map((proxy) => [proxy.name, proxy]));
  return repeat(rounds, byName.keys(), async (name) => {
    await using process = await startProxy(byName.get(name)!, { upstream, folder });
    return await measure(process, seconds);
  });
}

/** A proxy that fails is left out from then on. */
async function repeat<T>(
  rounds: number,
  names: Iterable<string>,
  measure: (name: string) => Promise<T>,
): Promise<Rounds<T>> {
  const results = new Map([...names].map((name) => [name, [] as T[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, values] of results) {
      const measured = await tried(name, () => measure(name));
      if (measured === undefined) results.delete(name);
      else values.push(measured);
    }
  }
  return results;
}

/** Returns the measured value; `undefined` if the load failed, which is printed. */
async function tried<T>(name: string, measure: () => Promise<T>): Promise<T | undefined> {
  try {
    return await measure();
  } catch (error) {
    console.error(`${name} is left out of this part: ${(error as Error).message}\n`);
  }
}
