import { freePort, type Listening, sleep } from "../../support/processes.ts";
import { COUNTS_PATH } from "../upstream/main.ts";
import { startUpstream } from "../upstream/start.ts";
import { cpuDuring, startFleetRouter } from "./router.ts";
import {
  type Population,
  type StartChanging,
  startFileSource,
  startKubernetesSource,
} from "./sources.ts";

/** Servers that serve, in all parts. */
export const SERVING = 200;
/** Endpoints that a source knows. */
export const KNOWN = 2_000;
/** Settings with which servers are polled once, and no more. */
export const ONCE = "metrics_interval = 3600\nhealth_check_interval = 3600\n";

/** What polling a fleet costs. */
export interface Polling {
  readonly what: string;
  /** CPU time as a share of one core. */
  readonly share: number;
  /** Pages that servers were asked for and gave, per second. */
  readonly pagesPerSecond: number;
  /** Resident memory in MB. */
  readonly megabytes: number;
}

interface Case {
  readonly what: string;
  readonly start: StartChanging;
  readonly population: Population;
  readonly more?: string;
}

const FLEET: Population = { known: SERVING, serving: SERVING };
const CASES: readonly Case[] = [
  {
    what: `${SERVING} servers, not polled`,
    start: startKubernetesSource,
    population: FLEET,
    more: ONCE,
  },
  { what: `${SERVING} servers`, start: startKubernetesSource, population: FLEET },
  {
    what: `${KNOWN} endpoints in Kubernetes, ${KNOWN - SERVING} not ready`,
    start: startKubernetesSource,
    population: { known: KNOWN, serving: SERVING },
  },
  {
    what: `${KNOWN} servers in a file, ${KNOWN - SERVING} refuse`,
    start: startFileSource,
    population: { known: KNOWN, serving: SERVING },
  },
];

/** Measures what polling costs, without requests. */
export async function measurePolling(folder: string, seconds: number): Promise<Polling[]> {
  await using upstream = await startUpstream({ isMany: true });
  const measured = [];
  for (const one of CASES) measured.push(await measureCase(one, upstream, folder, seconds));
  return measured;
}

async function measureCase(
  { what, start, population, more = "" }: Case,
  upstream: Listening,
  folder: string,
  seconds: number,
): Promise<Polling> {
  const ports = { port: upstream.port, deadPort: freePort() };
  await using source = await start(population, ports, folder);
  const { serving } = population;
  await using router = await startFleetRouter({ entry: source.entry, folder, serving, more });
  const pagesBefore = await pagesServed(upstream);
  const started = performance.now();
  const cpu = await cpuDuring(router, () => sleep(seconds * 1000));
  const elapsedSeconds = (performance.now() - started) / 1000;
  return {
    what,
    share: cpu / 1e6 / elapsedSeconds,
    pagesPerSecond: (await pagesServed(upstream) - pagesBefore) / elapsedSeconds,
    megabytes: (await router.look()).rss / 2 ** 20,
  };
}

async function pagesServed({ port }: Listening): Promise<number> {
  return Number(await (await fetch(`http://127.0.0.1:${port}${COUNTS_PATH}`)).text());
}
