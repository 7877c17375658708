/**
 * Ends servers under open streams in the ways in which machines end, and counts the streams that
 * were broken or garbled. ../README.md says more.
 */
import { Command } from "commander";
import Table from "cli-table3";
import { number } from "../../src/cli/options.ts";
import { configFile } from "../chaos/config_file.ts";
import { startRouter } from "../chaos/router.ts";
import { killChildren, sleep } from "../support/processes.ts";
import { type Server, startServer } from "./servers.ts";
import { type Outcome, stream } from "./streams.ts";

/** What happens to the servers while clients read. */
type Trouble = (servers: readonly Server[]) => Promise<void>;

const SERVERS = 5;
const PAUSE_MS = 1_500;
/** Between one server's end and the next one's: longer than a stream, as in a rolling restart. */
const ROLLING_MS = 3_000;

async function oneAfterTheOther(
  servers: readonly Server[],
  act: (server: Server) => Promise<void> | void,
): Promise<void> {
  for (const server of servers) {
    await sleep(ROLLING_MS);
    await act(server);
  }
}

const troubles: Readonly<Record<string, Trouble>> = {
  "kill -9 of three of five": async (servers) => {
    await sleep(PAUSE_MS);
    await Promise.all(servers.slice(0, 3).map((server) => server.kill()));
    await sleep(2 * PAUSE_MS);
    await Promise.all(servers.slice(0, 3).map((server) => server.start()));
  },
  "rolling kill -9 of all": (servers) =>
    oneAfterTheOther(servers, async (server) => {
      await server.kill();
      await server.start();
    }),
  "SIGSTOP of two": async (servers) => {
    const [first, second] = servers;
    await oneAfterTheOther([first!, second!], (server) => server.freeze(true));
    await sleep(6_000);
    for (const server of [first!, second!]) server.freeze(false);
  },
  "a black hole before two": async (servers) => {
    const [first, second] = servers;
    await oneAfterTheOther([first!, second!], (server) => server.cut(true));
    await sleep(6_000);
    for (const server of [first!, second!]) server.cut(false);
  },
};

const SETTINGS = {
  log_level: "warning",
  metrics_interval: 0.2,
  health_check_interval: 1,
  health_check_timeout: 1,
  connect_timeout: 1,
  chunk_timeout: 2,
  stall_timeout: 2,
};

interface Options {
  readonly streams: number;
  readonly seed: number;
  readonly off: boolean;
  /** Part of a trouble's name. */
  readonly only: string;
}

/** Keeps `streams` streams open during a trouble, and some time after it. */
async function outlive(trouble: Trouble, { streams, seed, off }: Options, folder: string) {
  await using stack = new AsyncDisposableStack();
  const starting = Array.from({ length: SERVERS }, () => startServer(seed));
  const servers = (await Promise.all(starting)).map((server) => stack.use(server));
  const settings = { ...SETTINGS, continue_streams: !off };
  const config = configFile(folder, servers.map(({ url }) => url), settings);
  await config.write();
  await using router = await startRouter(config.path);
  const outcomes: Outcome[] = [];
  let isOver = false;
  let id = 0;
  const reading = Array.from({ length: streams }, async () => {
    while (!isOver) {
      const own = id++;
      outcomes.push(await stream(router.url, { id: own, tokens: 60 + own * 7 % 90, seed }));
    }
  });
  await trouble(servers);
  await sleep(2 * PAUSE_MS);
  isOver = true;
  await Promise.all(reading);
  const page = await (await fetch(`${router.url}/metrics`)).text();
  const continued = Number(/streams_continued_total (\d+)/.exec(page)?.[1] ?? 0);
  const reasons = page.matchAll(/streams_broken_total\{reason="(\w+)"\} (\d+)/g);
  return { outcomes, continued, why: [...reasons].map(([, why, count]) => `${why} ${count}`) };
}

async function main(options: Options): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "vllm-router-outlive-" });
  const table = new Table({
    head: ["", "streams", "went on", "broken", "garbled", "longest gap"],
    style: { head: [], border: [] },
  });
  let wrong = 0;
  try {
    for (const [name, trouble] of Object.entries(troubles)) {
      if (!name.includes(options.only)) continue;
      const { outcomes, continued, why } = await outlive(trouble, options, folder);
      const count = (fate: Outcome["fate"]) => outcomes.filter((one) => one.fate === fate);
      const [broken, garbled] = [count("broken"), count("garbled")];
      const gapMs = Math.max(...outcomes.map((outcome) => outcome.gapMs));
      table.push([
        name,
        ...[outcomes.length, continued, broken.length, garbled.length],
        `${(gapMs / 1000).toFixed(1)} s`,
      ]);
      for (const { fate, problem } of [...broken, ...garbled].slice(0, 3)) {
        console.log(`${name}: ${fate}: ${problem}`);
      }
      if (why.length > 0) console.log(`${name}: not continued: ${why.join(", ")}`);
      wrong += broken.length + garbled.length;
    }
  } finally {
    killChildren();
    await Deno.remove(folder, { recursive: true });
  }
  console.log(table.toString());
  return wrong === 0 || options.off ? 0 : 1;
}

const count = (least: number) => number({ least, whole: true });

await new Command("deno task outlive")
  .description("Ends servers under open streams and counts the streams that break.")
  .option("--streams <count>", "streams open at any time", count(1), 80)
  .option("--seed <number>", "the seed of the servers' answers", count(0), 1)
  .option("--only <text>", "only the troubles whose name has this", "")
  .option("--off", "with continue_streams off, for comparison", false)
  .action(async (options) => Deno.exit(await main(options)))
  .parseAsync(Deno.args, { from: "user" });
