import { Command, CommanderError } from "commander";
import { closest } from "fastest-levenshtein";
import { VERSION } from "../version.ts";
import { addCheckConfig } from "./check_config.ts";
import { complain } from "./complain.ts";
import { addDemo } from "./demo.ts";
import { addDrain } from "./drain.ts";
import { addHealth } from "./health.ts";
import { examples } from "./options.ts";
import { addKey } from "./key.ts";
import { addRun } from "./run.ts";
import { addServers } from "./servers.ts";
import { addSimulate } from "./simulate.ts";
import { addTop } from "./top.ts";

/** Exit code for an invalid command line. */
const USAGE = 2;

/**
 * Runs the command that the arguments name.
 *
 * @returns the exit code: 0 on success, 1 for a failure, 2 for an invalid command line
 */
export async function main(args: readonly string[]): Promise<number> {
  let code = 0;
  const program = createProgram((ended) => code = ended);
  const [first] = args;
  const names = program.commands.map((command) => command.name());
  if (first && !first.startsWith("-") && ![...names, "help"].includes(first)) {
    complain(`unknown command '${first}'; did you mean ${closest(first, names)}?`);
    return USAGE;
  }
  try {
    // `-h` with a value is `--host`, as in the original router; without one it is `--help`.
    const argv = args.at(-1) === "-h" ? [...args.slice(0, -1), "--help"] : [...args];
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : USAGE;
  }
}

/** @param ended called with the exit code of the command that ran */
function createProgram(ended: (code: number) => void): Command {
  const program = new Command("vllm-router")
    .description("One OpenAI-compatible endpoint in front of many vLLM servers.")
    .version(`vllm-router ${VERSION}`, "-V, --version", "show the version")
    .helpOption("--help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(oneLine(text)) })
    .addHelpText("after", examples("vllm-router --port 8888", "vllm-router run --help"));
  const command = (name: string, isDefault = false) =>
    program.command(name, { isDefault }).helpOption("--help", "show help")
      .allowExcessArguments(false);

  addRun(command("run", true), ended);
  addCheckConfig(command("check-config"), ended);
  addHealth(command("health"), ended);
  addDrain(command("drain"), ended);
  addServers(command("servers"), ended);
  addDemo(command("demo"), ended);
  addSimulate(command("simulate"), ended);
  addTop(command("top"), ended);
  addKey(command("key"));
  command("version").description("show the version")
    .addHelpText("after", examples("vllm-router version"))
    .action(() => console.log(`vllm-router ${VERSION}`));
  return program;
}

/** Joins an error message into one line: commander puts its suggestion on a second line. */
function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, " ") + "\n";
}
