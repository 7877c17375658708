import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { type Level, logLevels } from "../monitor/log.ts";
import { VERSION } from "../version.ts";
import { checkConfigCommand } from "./check_config.ts";
import { demo } from "./demo.ts";
import { run } from "./run.ts";
import { simulateCommand } from "./simulate.ts";

/** Exit codes: what went wrong was in the command line, or came later. */
const USAGE = 2;
const FAILURE = 1;

/**
 * Runs the command that the arguments name.
 *
 * @returns the exit code: 0, 1 for a failure, 2 for a command line that can't be understood
 */
export async function main(args: readonly string[]): Promise<number> {
  let code = 0;
  const program = createProgram((result) => code = result);
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : USAGE;
  }
}

/** @param ended hears a command's exit code */
function createProgram(ended: (code: number) => void): Command {
  const program = new Command("vllm-router")
    .description(
      "One OpenAI-compatible endpoint in front of many vLLM servers.",
    )
    .version(VERSION, "--version", "show the version")
    .helpOption("--help", "show help")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(oneLine(text)) });
  program.addHelpText(
    "after",
    examples("vllm-router --port 8888", "vllm-router run --help"),
  );

  const command = (name: string, isDefault = false) =>
    program.command(name, { isDefault }).helpOption("--help", "show help")
      .allowExcessArguments(false);
  const configOption = () =>
    new Option("--config <file>", "the configuration file").env("CONFIG_PATH")
      .default("servers.toml");
  const portOption = (port: number) =>
    new Option("-p, --port <port>", "the port to listen on, 0 for a free one")
      .argParser(parsePort)
      .default(port);

  const runCommand = command("run", true)
    .description("Run the router. This is the default command.")
    .option(
      "-c, --console",
      "write plain logs to the console",
      saysTrue(Deno.env.get("LOG_TO_CONSOLE")),
    )
    .option("-h, --host [address]", "the address to listen on", "0.0.0.0")
    .addOption(portOption(8888))
    .addOption(configOption())
    .addOption(
      new Option("--log-level <level>", logLevels.join(", ")).env("LOG_LEVEL")
        .default("info")
        .argParser(parseLevel),
    )
    .option("-m, --model", "show each server's models")
    .option(
      "--server <url[=capacity]>",
      "a server, instead of a file; may be repeated",
      collect,
      [],
    )
    .addHelpText(
      "after",
      examples(
        "vllm-router --port 8888",
        "vllm-router run --config /etc/vllm-router/servers.toml --log-level debug",
        "vllm-router run --server http://gpu-1:8000=8 --server http://gpu-2:8000=16",
      ),
    );
  runCommand.action(async (options) => {
    // `-h` was the original's short form of `--host`; alone it asks for help as everywhere else.
    if (options.host === true) return runCommand.outputHelp();
    ended(await run(options));
  });

  command("check-config")
    .description("Check the configuration file and ask every server how it is.")
    .addOption(configOption())
    .addHelpText(
      "after",
      examples("vllm-router check-config --config servers.toml"),
    )
    .action(async (options) => ended(await checkConfigCommand(options.config)));

  command("demo")
    .description(
      "Run three simulated vLLM servers and the router before them: no GPU needed.",
    )
    .addOption(portOption(8888))
    .addHelpText(
      "after",
      examples("vllm-router demo", "vllm-router demo --port 9000"),
    )
    .action(async (options) => ended(await demo(options.port)));

  simulateCommand(command("simulate"), portOption(8000), examples, ended);

  command("version")
    .description("Show the version.")
    .action(() => console.log(`vllm-router ${VERSION}`));
  return program;
}

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
}

/** Commander puts its suggestion on a line of its own. */
function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, " ") + "\n";
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

function saysTrue(value: string | undefined): boolean {
  return value?.toLowerCase() === "true" || value === "1";
}

export function parsePort(value: string): number {
  const port = Number(value);
  if (/^\d+$/.test(value) && port <= 65_535) return port;
  throw new InvalidArgumentError("Expected a port from 0 to 65535.");
}

function parseLevel(value: string): Level {
  const level = logLevels.find((level) => level === value.toLowerCase());
  if (level) return level;
  throw new InvalidArgumentError(`Expected one of ${logLevels.join(", ")}.`);
}
