import {
  cpuMicroseconds,
  freePort,
  type Listening,
  sleep,
  startListening,
} from "../../support/processes.ts";
import { AUTHORIZED, authTable } from "../proxies/keys.ts";
import { CAPACITY } from "../proxies/router.ts";
import type { Looked } from "./probe.ts";

/** The router in front of a fleet, in a process of its own. */
export interface FleetRouter extends Listening {
  /** What was seen of its process since the last call, after a garbage collection. */
  look(): Promise<Looked>;
  /** Fetches one of its pages. */
  page(path: string): Promise<string>;
}

const READY_MS = 60_000;
const LOOK_MS = 200;
/** Time after the start for compilation and the first scrapes. */
const SETTLE_MS = 3_000;

/**
 * Starts a router with a source of servers, and waits until this many of its servers are healthy.
 *
 * @param entry the source, in TOML
 * @param more lines of `[config]`
 * @throws {Error} when they aren't in time
 */
export async function startFleetRouter(
  { entry, folder, serving, more = "" }: {
    readonly entry: string;
    readonly folder: string;
    readonly serving: number;
    readonly more?: string;
  },
): Promise<FleetRouter> {
  const port = freePort();
  const probe = freePort();
  const file = `${folder}/router-${port}.toml`;
  await Deno.writeTextFile(
    file,
    `[servers]\nservers = []\n[config]\nmax_in_flight = ${CAPACITY}\n${more}${authTable()}` +
      `[[discovery]]\n${entry}\n`,
  );
  const program = new URL("probe.ts", import.meta.url).pathname;
  // deno-fmt-ignore
  const process = await startListening(Deno.execPath(), [
    "run", "--quiet", "--allow-net", "--allow-read", "--allow-env", "--v8-flags=--expose-gc",
    ...profiling(), program, String(probe), "run", "--console",
    "--config", file, "--host", "127.0.0.1", "--port", String(port), "--log-level", "info",
  ], port);
  const router: FleetRouter = {
    ...process,
    look: async () => await (await fetch(`http://127.0.0.1:${probe}/`)).json(),
    async page(path) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: AUTHORIZED });
      if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
      return await answer.text();
    },
  };
  const deadline = performance.now() + READY_MS;
  for (let healthy = 0; healthy < serving; healthy = await healthyIn(router)) {
    if (performance.now() > deadline) {
      await process[Symbol.asyncDispose]();
      const seconds = READY_MS / 1000;
      throw new Error(`${healthy} of ${serving} servers are healthy after ${seconds} s`);
    }
    await sleep(LOOK_MS);
  }
  await sleep(SETTLE_MS);
  await router.look();
  return router;
}

/** Flags for a profile, written when the router exits by itself (see README.md). */
function profiling(): readonly string[] {
  const folder = Deno.env.get("BENCH_PROFILE");
  return folder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${folder}`];
}

async function healthyIn(router: FleetRouter): Promise<number> {
  return JSON.parse(await router.page("/dashboard/view")).totals.healthy;
}

/** Returns the CPU time of a process while something goes on, in microseconds. */
export async function cpuDuring(
  { pid }: Pick<Listening, "pid">,
  action: () => Promise<unknown>,
): Promise<number> {
  const before = cpuMicroseconds(pid);
  await action();
  return cpuMicroseconds(pid) - before;
}
