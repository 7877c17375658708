/**
 * Measures how well servers are chosen: compares the router's policies with nginx, HAProxy and a
 * chooser with perfect information, on the same simulated fleet and the same requests.
 *
 * See README.md in the parent folder.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { policyNames } from "../../src/routing/policies.ts";
import { killChildren } from "../support/processes.ts";
import { CLAIRVOYANT_PER_TOKEN, CONTENDERS, DEFAULT_CONTENDERS, ROUND_ROBIN } from "./names.ts";
import { drawPlot, type Panel } from "./plot.ts";
import { planReplay, type Replay } from "./replay.ts";
import { effortLines, figuresTable, ratiosTable, type Results } from "./report.ts";
import { liveRunners, offlineRunners, type Runner } from "./runners.ts";
import { type Summary, summaryOf } from "./sample.ts";
import { demandOf } from "./servers.ts";
import { type Scenario, scenarios, type TraceSource } from "./scenarios.ts";
import { draftsOf, parseTrace, partOf } from "./traces.ts";
import { verdicts } from "./verdicts.ts";

interface Options {
  readonly offline: boolean;
  readonly scenario: readonly string[];
  readonly only: readonly string[];
  readonly repeats: number;
  readonly seconds: number;
  readonly speed: number;
  readonly seed: number;
  readonly searchMoves: number;
  readonly searchSeconds: number;
  readonly arrivals: "original" | "poisson";
  readonly trace?: string;
  readonly plot: string;
}

async function bench(options: Options): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "vllm-router-bench-" });
  Deno.addSignalListener("SIGINT", () => leave(folder, 130));
  Deno.addSignalListener("SIGTERM", () => leave(folder, 143));
  let exitCode = 0;
  try {
    const runners = options.offline
      ? offlineRunners(options.only, console.log, {
        moves: options.searchMoves,
        seconds: options.searchSeconds,
      })
      : liveRunners(options.only, console.log, folder, options.speed);
    await runAll(runners, options);
  } catch (error) {
    console.error(error);
    exitCode = 1;
  }
  leave(folder, exitCode);
}

async function runAll(runners: Map<string, Runner>, options: Options): Promise<void> {
  const trace = options.trace === undefined ? undefined : await readTrace(options.trace);
  const judged = [...runners.keys()].filter(isJudged);
  const panels: Panel[] = [];
  const allLines: string[] = [];
  for (const name of options.scenario) {
    const scenario = scenarios[name]!;
    const results = await runScenario(name, scenario, runners, options, trace);
    panels.push({ title: `${name}: ${scenario.title}`, results });
    const lines = judged.flatMap((contender) => verdicts(results, contender, scenario.aim));
    print(lines.join("\n"));
    allLines.push(...lines.map((line) => `${name}: ${line}`));
  }
  if (options.scenario.length > 1) print(allLines.join("\n"));
  const where = options.offline ? "in virtual time" : "over sockets";
  const subtitle =
    `Seconds of the fleet's time ${where}, medians of ${options.repeats} repeats of ` +
    `${options.seconds * options.speed} s, of conversations three times as long`;
  await Deno.writeTextFile(options.plot, drawPlot(panels, subtitle));
  print(`The plot is in ${options.plot}`);
}

/** Returns whether aims apply: to the router's policies, except round robin, which ignores load. */
function isJudged(contender: string): boolean {
  return policyNames.includes(contender) && contender !== ROUND_ROBIN;
}

/** Replays the same requests to every contender, one after the other in each repeat. */
async function runScenario(
  name: string,
  scenario: Scenario,
  runners: Map<string, Runner>,
  options: Options,
  trace?: TraceSource,
): Promise<Results> {
  const results = new Map([...runners.keys()].map((contender) => [contender, [] as Summary[]]));
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    const seed = options.seed + repeat;
    const seconds = options.seconds * options.speed * scenario.stretch;
    const { arrivals } = options;
    const replay = planReplay(scenario, { seed, seconds, arrivals, ...(trace && { trace }) });
    if (repeat === 0) print(describe(name, scenario, replay));
    for (const [contender, run] of runners) {
      results.get(contender)!.push(summaryOf(await run(scenario, replay, seed)));
    }
  }
  print(figuresTable("First token, s", results, ({ firstToken }) => firstToken));
  print(figuresTable("Whole answer, s", results, ({ total }) => total));
  print(figuresTable("Per token, ms", results, ({ perToken }) => perToken, tenths));
  print(ratiosTable("First token", results, ({ firstToken }) => firstToken));
  print(ratiosTable("Whole answer", results, ({ total }) => total));
  print(ratiosTable("Per token", results, ({ perToken }) => perToken, CLAIRVOYANT_PER_TOKEN));
  if (!options.offline) print(effortLines(results).join("\n"));
  return results;
}

function describe(
  name: string,
  scenario: Scenario,
  { requests, perSecond, endMs }: Replay,
): string {
  const tokens = requests.reduce((sum, { prompt }) => sum + prompt.length, 0) / requests.length;
  const shared = 100 * (1 - demandOf(requests).newTokens / tokens);
  const seconds = (endMs / 1000).toFixed(0);
  const busy = scenario.utilisation * 100;
  return `${name}: ${scenario.title}. ${requests.length} requests in ${seconds} s, ` +
    `${perSecond.toFixed(2)} per second, ${busy}% of the fleet's capacity; ${tokens.toFixed(0)} ` +
    `prompt tokens on average, ${shared.toFixed(0)}% of them sent before.`;
}

async function readTrace(file: string): Promise<TraceSource> {
  const rows = parseTrace(await Deno.readTextFile(file));
  return (seed) => draftsOf(partOf(rows, seed));
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

function tenths(milliseconds: number): string {
  return milliseconds.toFixed(1);
}

function positive(value: string): number {
  const number = Number(value);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new InvalidArgumentError("Expected a number above 0.");
}

await new Command("deno task bench:routing")
  .description("Compares routing policies with nginx, HAProxy and perfect information.")
  .option("--offline", "in virtual time, without sockets: seconds instead of minutes", false)
  .addOption(
    new Option("--scenario <names...>", "scenarios").choices(Object.keys(scenarios))
      .default(Object.keys(scenarios), "all"),
  )
  .addOption(
    new Option("--only <contenders...>", "contenders").choices(CONTENDERS)
      .default(DEFAULT_CONTENDERS, DEFAULT_CONTENDERS.join(", ")),
  )
  .option("--repeats <number>", "each with different requests", positive, 3)
  .option("--seconds <number>", "duration of the load per contender and repeat", positive, 30)
  .option("--speed <number>", "fleet seconds per real second", positive, 8)
  .option("--seed <number>", "random seed of the requests", positive, 1)
  .option("--search-moves <number>", "moves of the clairvoyant's local search", positive, 5000)
  .option("--search-seconds <number>", "maximum duration of its search per repeat", positive, 120)
  .addOption(
    new Option("--arrivals <which>", "random arrivals, or the trace's own")
      .choices(["poisson", "original"]).default("poisson"),
  )
  .option("--trace <file>", "Azure's CSV or Mooncake's JSON lines instead of generated requests")
  .option("--plot <file>", "output file of the plot", "bench-routing.svg")
  .action(bench)
  .parseAsync(Deno.args, { from: "user" });
