/**
 * Measures how well servers are chosen: the router's policies beside nginx, HAProxy and a chooser
 * with perfect information, before the same simulated fleet and under the same requests.
 *
 * See README.md in the folder above.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { policyNames } from "../../src/routing/policies.ts";
import { CONTENDERS, DEFAULT_CONTENDERS, ROUND_ROBIN } from "./names.ts";
import { replayOffline } from "./offline.ts";
import { offlineContender } from "./offline_contenders.ts";
import { drawPlot, type Panel } from "./plot.ts";
import { planReplay, type Replay } from "./replay.ts";
import { figuresTable, ratiosTable, type Results } from "./report.ts";
import type { Draft } from "./request.ts";
import { type Summary, summaryOf } from "./sample.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { draftsOf, parseTrace } from "./traces.ts";
import { verdicts } from "./verdicts.ts";

interface Options {
  readonly offline: boolean;
  readonly scenario: readonly string[];
  readonly only: readonly string[];
  readonly repeats: number;
  readonly seconds: number;
  readonly speed: number;
  readonly seed: number;
  readonly arrivals: "original" | "poisson";
  readonly trace?: string;
  readonly plot: string;
}

async function bench(options: Options): Promise<void> {
  const trace = options.trace === undefined ? undefined : await readTrace(options.trace);
  const names = options.only.filter((name) => {
    const contender = offlineContender(name);
    if (typeof contender === "string") console.log(`${name}: ${contender}, skipped`);
    return typeof contender !== "string";
  });
  const panels: Panel[] = [];
  const judged: string[] = [];
  for (const name of options.scenario) {
    const scenario = scenarios[name]!;
    const results = await runScenario(name, scenario, names, options, trace);
    panels.push({ title: `${name}: ${scenario.title}`, results });
    const lines = names.filter(isJudged).flatMap((contender) =>
      verdicts(results, contender, scenario.aim)
    );
    judged.push(...lines.map((line) => `${name}: ${line}`));
    print(lines.join("\n"));
  }
  if (options.scenario.length > 1) print(judged.join("\n"));
  const subtitle = `Seconds of the fleet's time, ${options.repeats} repeats of ` +
    `${options.seconds * options.speed} s${options.offline ? ", in virtual time" : ""}`;
  await Deno.writeTextFile(options.plot, drawPlot(panels, subtitle));
  print(`The plot is in ${options.plot}`);
}

/** The router's policies are, but for those that know nothing of load. */
function isJudged(contender: string): boolean {
  return policyNames.includes(contender) && contender !== ROUND_ROBIN;
}

async function runScenario(
  name: string,
  scenario: Scenario,
  names: readonly string[],
  options: Options,
  trace?: () => Iterable<Draft>,
): Promise<Results> {
  const results = new Map(names.map((contender) => [contender, [] as Summary[]]));
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    const seed = options.seed + repeat;
    const replay = planReplay(scenario, {
      seed,
      seconds: options.seconds * options.speed,
      arrivals: options.arrivals,
      ...(trace && { trace }),
    });
    if (repeat === 0) print(describe(name, scenario, replay));
    for (const contender of names) {
      results.get(contender)!.push(await run(contender, scenario, replay, seed));
    }
  }
  print(figuresTable("First token, s", results, ({ firstToken }) => firstToken));
  print(figuresTable("Whole answer, s", results, ({ total }) => total));
  print(ratiosTable(results));
  return results;
}

function run(contender: string, scenario: Scenario, replay: Replay, seed: number) {
  const create = offlineContender(contender);
  if (typeof create === "string") throw new Error(`${contender}: ${create}`);
  return summaryOf(replayOffline(scenario, replay, create, seed));
}

function describe(name: string, scenario: Scenario, { requests, perSecond }: Replay): string {
  const tokens = requests.reduce((sum, { prompt }) => sum + prompt.length, 0) / requests.length;
  return `${name}: ${scenario.title}. ${requests.length} requests of ${tokens.toFixed(0)} prompt ` +
    `tokens on average, ${perSecond.toFixed(2)} a second, ${scenario.utilisation * 100}% of what ` +
    `the fleet can do.`;
}

async function readTrace(file: string): Promise<() => Iterable<Draft>> {
  const rows = parseTrace(await Deno.readTextFile(file));
  return () => draftsOf(rows);
}

function print(text: string): void {
  console.log(`${text}\n`);
}

function positive(value: string): number {
  const number = Number(value);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new InvalidArgumentError("Expected a number above 0.");
}

await new Command("deno task bench:routing")
  .description("Measures how well servers are chosen, beside nginx, HAProxy and all knowledge.")
  .option("--offline", "in virtual time: no sockets, seconds instead of minutes", false)
  .addOption(
    new Option("--scenario <names...>", "which").choices(Object.keys(scenarios))
      .default(Object.keys(scenarios), "all"),
  )
  .addOption(
    new Option("--only <contenders...>", "who").choices(CONTENDERS)
      .default(DEFAULT_CONTENDERS, DEFAULT_CONTENDERS.join(", ")),
  )
  .option("--repeats <number>", "with other requests each", positive, 3)
  .option("--seconds <number>", "of load for each contender and repeat", positive, 30)
  .option("--speed <number>", "of the fleet's seconds in one of ours", positive, 8)
  .option("--seed <number>", "the same gives the same requests", positive, 1)
  .addOption(
    new Option("--arrivals <which>", "the trace's moments, or as many at random")
      .choices(["poisson", "original"]).default("poisson"),
  )
  .option("--trace <file>", "Azure's CSV or Mooncake's lines of JSON instead of what stands in")
  .option("--plot <file>", "where the plot goes", "bench-routing.svg")
  .action(bench)
  .parseAsync(Deno.args, { from: "user" });
