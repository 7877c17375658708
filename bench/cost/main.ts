/**
 * Measures the cost of the router, compared with nginx and HAProxy in the same run. Machines differ
 * and are noisy, so only the ratios are meaningful. Linux only, since CPU and memory come from
 * `/proc`; 1,000 streams need about 2,100 file descriptors (`ulimit -n`).
 *
 * See README.md on how to profile the router under this load.
 */
import { Command, Option } from "commander";
import { HASHED_KB, measureChoosing, measureHashing, PROMPT_KB, SERVERS } from "./choosing.ts";
import {
  type Bench,
  LATENCY_RATE,
  measureChunks,
  measureLatency,
  measureMemory,
  measureRequests,
  OPEN_STREAMS,
  STREAMS,
} from "./measure.ts";
import { NOT_OBSERVING, observers, OBSERVING } from "./observing.ts";
import { measureHolding, STALLED, UNREAD, UPLOADS, WAITING } from "./holding.ts";
import { GUARDED_HEADERS, GUARDING, guards, NOT_GUARDING } from "./guarding.ts";
import { killChildren } from "../support/processes.ts";
import { availableProxies } from "./proxies.ts";
import { type Aim, figures, ROUTER, timesNginx, verdict } from "./report.ts";
import { added, median, ratios } from "./statistics.ts";

const INSTALL = "apt-get install nginx-light haproxy";

/** Prints a part's table and returns its aims with the measured values. */
type Part = (bench: Bench) => Promise<Aim[]>;

const parts: Record<string, Part> = {
  async requests(bench) {
    const rounds = await measureRequests(bench);
    print(figures("CPU per non-streaming request", "µs", rounds));
    const measured = timesNginx(rounds);
    return [{ what: "CPU per request", most: 6, measured, unit: "× nginx" }];
  },
  async chunks(bench) {
    const rounds = await measureChunks(bench);
    print(figures(`CPU per streamed chunk, ${STREAMS} streams`, "µs", rounds));
    const measured = timesNginx(rounds);
    const what = "CPU per streamed chunk";
    return [{ what, most: 2.5, measured, unit: "× nginx" }];
  },
  async observing(bench) {
    // The difference is small and needs more rounds to show.
    const rounds = await measureChunks({ ...bench, proxies: observers, rounds: 2 * bench.rounds });
    print(figures(`CPU per streamed chunk, ${STREAMS} streams`, "µs", rounds, NOT_OBSERVING));
    const measured = median(ratios(rounds, OBSERVING, NOT_OBSERVING));
    const what = "CPU per chunk with observation";
    return [{ what, most: 1.1, measured, unit: "× not observing" }];
  },
  async guarding(bench) {
    // A small difference, as with observing.
    const rounds = await measureRequests(
      { ...bench, proxies: guards, rounds: 3 * bench.rounds },
      GUARDED_HEADERS,
    );
    print(figures("CPU per non-streaming request", "µs", rounds, NOT_GUARDING));
    const measured = median(ratios(rounds, GUARDING, NOT_GUARDING));
    const what = "CPU per request with all checks of keys, limits and addresses";
    return [{ what, most: 1.05, measured, unit: "× without" }];
  },
  async choosing({ rounds, seconds }) {
    const chosen = await measureChoosing(rounds, seconds);
    const hashed = await measureHashing(rounds, seconds);
    const choosing = `Choosing among ${SERVERS} servers, a prompt of ${PROMPT_KB} KB`;
    const hashing = `Hashing a prompt of ${HASHED_KB} KB`;
    return [
      { what: choosing, most: 50, measured: median(chosen), unit: "µs" },
      { what: hashing, most: 500, measured: median(hashed), unit: "µs" },
    ];
  },
  async latency(bench) {
    const rounds = await measureLatency(bench);
    const title = `added, ${LATENCY_RATE} requests/s`;
    print(figures(`p50 ${title}`, "ms", added(rounds, "p50Ms")));
    print(figures(`p99 ${title}`, "ms", added(rounds, "p99Ms")));
    return [];
  },
  async memory(bench) {
    // Each round restarts every proxy, which is slow, and the figure hardly varies.
    const rounds = await measureMemory({
      ...bench,
      rounds: Math.ceil(bench.rounds / 4),
    });
    const title = `Memory per open stream, ${OPEN_STREAMS} streams`;
    print(figures(title, "KB", rounds));
    const measured = median(rounds.get(ROUTER)!);
    const what = "Memory per open stream";
    return [{ what, most: 200, measured, unit: "KB" }];
  },
  async holding(bench) {
    const { arriving, waiting, unread, stalledKilobytes } = await measureHolding(bench);
    const uploads = `Memory of ${UPLOADS} uploads of 60 MB with a limit of 512 MiB`;
    const whole = `Memory of ${WAITING} bodies of 60 MB waiting for an answer`;
    return [
      { what: uploads, most: 1.5, measured: arriving, unit: "× the room" },
      { what: whole, most: 1.5, measured: waiting, unit: "× the bodies" },
      {
        what: `Memory of ${UNREAD} unread answers of 1 MB`,
        most: 1.5,
        measured: unread,
        unit: "× the room",
      },
      {
        what: `Memory per stalled upload, ${STALLED} uploads`,
        most: 100,
        measured: stalledKilobytes,
        unit: "KB",
      },
    ];
  },
};

async function bench(quick: boolean, only?: string): Promise<void> {
  const proxies = availableProxies();
  if (proxies.length < 3) {
    print(`Not all of nginx and HAProxy are installed: ${INSTALL}`);
  }
  const folder = await Deno.makeTempDir({ prefix: "vllm-router-bench-" });
  Deno.addSignalListener("SIGINT", () => leave(folder, 130));
  Deno.addSignalListener("SIGTERM", () => leave(folder, 143));
  const effort = quick ? { rounds: 2, seconds: 0.5 } : { rounds: 8, seconds: 1 };
  const aims: Aim[] = [];
  let exitCode = 0;
  try {
    for (const name of only ? [only] : Object.keys(parts)) {
      aims.push(...await parts[name]!({ proxies, folder, ...effort }));
    }
    print(aims.map(verdict).join("\n"));
  } catch (error) {
    console.error(error);
    exitCode = 1;
  }
  leave(folder, exitCode);
}

/** Exits explicitly and kills all children: signal listeners would keep the process alive. */
function leave(folder: string, exitCode: number): never {
  killChildren();
  Deno.removeSync(folder, { recursive: true });
  Deno.exit(exitCode);
}

function print(text: string): void {
  console.log(`${text}\n`);
}

await new Command("deno task bench")
  .description("Measures the cost of the router compared with nginx and HAProxy.")
  .option("--quick", "a rougher measurement in half a minute", false)
  .addOption(
    new Option("--only <part>", "a single part").choices(Object.keys(parts)),
  )
  .action(({ quick, only }) => bench(quick, only))
  .parseAsync(Deno.args, { from: "user" });
