/**
 * Runs two routers before simulated servers that fail in every known way and are all replaced, with
 * clients that disconnect at every stage, and checks that no request is lost. ../README.md lists
 * the checks.
 */
import { Command, Option } from "commander";
import { number } from "../../src/cli/options.ts";
import { killChildren } from "../support/processes.ts";
import { check } from "./check.ts";
import { createPlan, type PhaseName, PHASES } from "./plan.ts";
import { report } from "./report.ts";
import { run, type RunOptions } from "./run.ts";
import { timeline } from "./timeline.ts";

interface ChaosOptions extends Omit<RunOptions, "folder"> {
  readonly seconds: number;
  readonly only?: PhaseName;
  readonly timeline: boolean;
}

async function chaos(options: ChaosOptions): Promise<number> {
  const { seed, seconds, clients, servers, only } = options;
  const repeat = `deno task chaos --seed ${seed} --seconds ${seconds} --clients ${clients} ` +
    `--servers ${servers}${only ? ` --only ${only}` : ""}`;
  console.log(`${repeat}\n`);
  const folder = await Deno.makeTempDir({ prefix: "vllm-router-chaos-" });
  try {
    const plan = createPlan({ seed, seconds, servers, only });
    const ran = await run({ ...options, folder }, plan);
    const findings = check(ran, plan, seed);
    if (options.timeline) console.log(`${timeline(ran, plan)}\n`);
    console.log(report(ran, plan, findings));
    if (findings.problems.length === 0) return 0;
    console.log(`\nSeed ${seed} failed. To repeat it: ${repeat}`);
    return 1;
  } finally {
    killChildren();
    await Deno.remove(folder, { recursive: true });
  }
}

const count = (least: number) => number({ least, whole: true });

await new Command("deno task chaos")
  .description(
    "Fails and replaces servers and routers in every way known, and checks that nothing is lost.",
  )
  .option("--seed <number>", "the seed of all chance", count(0), 1)
  .option("--seconds <number>", "how long servers fail", count(1), 60)
  .addOption(new Option("--only <part>", "only this part of the run").choices(PHASES))
  .option("--clients <count>", "clients that ask side by side", count(1), 200)
  .option("--servers <count>", "simulated servers", count(3), 5)
  .option("--timeline", "also print what went wrong when, and what the router made of it", false)
  .action(async (options) => Deno.exit(await chaos(options)))
  .parseAsync(Deno.args, { from: "user" });
