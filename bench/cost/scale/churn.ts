import { freePort, type Listening, sleep } from "../../support/processes.ts";
import { sendRequests } from "../load/drive.ts";
import type { LoadResult } from "../load/requests.ts";
import { startUpstream } from "../upstream/start.ts";
import { KNOWN, SERVING } from "./polling.ts";
import type { Looked } from "./probe.ts";
import { cpuDuring, type FleetRouter, startFleetRouter } from "./router.ts";
import {
  type ChangingSource,
  type StartChanging,
  startFileSource,
  startKubernetesSource,
} from "./sources.ts";

/** Servers that are replaced each second. */
export const PER_SECOND = 50;
/** Replacements of the measurement of memory, and how many there are a second. */
export const REPLACED = 20_000;
const FAST_PER_SECOND = 400;
/** Replacements after which memory is what it will be: all that is bounded has reached its bound. */
const REPLACED_BEFORE = REPLACED / 4;
const TICK_MS = 100;
/** After this long, idle connections to servers that are gone are closed. */
const CLOSED_MS = 6_000;
/** Requests of moderate load: the router must not be busy with them. */
const LOAD = { connections: 16, pauseMs: 20, request: { promptBytes: 2_048 } };

/** What changing servers cost. */
export interface Churn {
  readonly source: string;
  /** CPU time of one replaced server in microseconds. */
  readonly microseconds: number;
  /** Without changes, and with them. */
  readonly quiet: Served;
  readonly changing: Served;
}

/** Requests, and pauses of the event loop meanwhile. */
export interface Served extends LoadResult, Looked {}

/** Memory of the process, after a garbage collection. */
export interface Memory {
  readonly before: Looked;
  /** After a quarter of the replacements. */
  readonly early: Looked;
  readonly after: Looked;
}

const SOURCES: readonly (readonly [name: string, start: StartChanging])[] = [
  ["Kubernetes", startKubernetesSource],
  ["a file", startFileSource],
];

/** Measures what replacing 50 servers a second costs, with each source. */
export async function measureChurn(folder: string, seconds: number): Promise<Churn[]> {
  await using upstream = await startUpstream({ isMany: true });
  const measured: Churn[] = [];
  for (const [source, start] of SOURCES) {
    await using fleet = await startFleet(start, upstream, folder);
    const { router } = fleet;
    const ms = seconds * 1000;
    const idle = await cpuDuring(router, () => sleep(ms));
    const busy = await cpuDuring(router, () => replaceFor(fleet.source, PER_SECOND, ms));
    const quiet = await serve(router, seconds);
    const [changing] = await Promise.all([
      serve(router, seconds),
      replaceFor(fleet.source, PER_SECOND, ms),
    ]);
    measured.push({
      source,
      microseconds: (busy - idle) / (PER_SECOND * seconds),
      quiet,
      changing,
    });
  }
  return measured;
}

/** Measures the memory after 20,000 replaced servers, under load. */
export async function measureChurnMemory(folder: string): Promise<Memory> {
  await using upstream = await startUpstream({ isMany: true });
  await using fleet = await startFleet(startKubernetesSource, upstream, folder);
  const { router, source } = fleet;
  const replace = async (count: number) => {
    const seconds = count / FAST_PER_SECOND;
    const sent = sendRequests({ ...LOAD, port: router.port, seconds });
    await Promise.all([sent, replaceFor(source, FAST_PER_SECOND, seconds * 1000)]);
    await sleep(CLOSED_MS);
    return await router.look();
  };
  const before = await router.look();
  const early = await replace(REPLACED_BEFORE);
  const after = await replace(REPLACED - REPLACED_BEFORE);
  return { before, early, after };
}

async function startFleet(start: StartChanging, upstream: Listening, folder: string) {
  await using stack = new AsyncDisposableStack();
  const ports = { port: upstream.port, deadPort: freePort() };
  const source = stack.use(await start({ known: KNOWN, serving: SERVING }, ports, folder));
  const router = stack.use(
    await startFleetRouter({ entry: source.entry, folder, serving: SERVING }),
  );
  const owned = stack.move();
  return { source, router, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Replaces so many servers each second, a few at a time. */
async function replaceFor(source: ChangingSource, perSecond: number, ms: number): Promise<void> {
  const started = performance.now();
  for (let tick = 1; tick * TICK_MS <= ms; tick++) {
    await source.replace(perSecond * TICK_MS / 1000);
    await sleep(Math.max(0, started + tick * TICK_MS - performance.now()));
  }
}

async function serve(router: FleetRouter, seconds: number): Promise<Served> {
  await router.look();
  await sleep(TICK_MS);
  const sent = await sendRequests({ ...LOAD, port: router.port, seconds });
  return { ...sent, ...await router.look() };
}
