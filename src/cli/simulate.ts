import { type Command, InvalidArgumentError, type Option } from "commander";
import { type Fault, parseFault } from "../simulator/fault.ts";
import { startSimulator } from "../simulator/simulator.ts";
import { complain } from "./complain.ts";

/** Adds to `command` the flags of one simulated vLLM server and what runs it. */
export function simulateCommand(
  command: Command,
  port: Option,
  examples: (...lines: string[]) => string,
  ended: (code: number) => void,
): void {
  command
    .description("Run one simulated vLLM server, with faults if wanted.")
    .option("--host <address>", "the address to listen on", "127.0.0.1")
    .addOption(port)
    .option("--model <name...>", "the models to serve", ["simulated-model"])
    .option(
      "--capacity <count>",
      "requests that run side by side",
      atLeast(1),
      8,
    )
    .option(
      "--speed <factor>",
      "how much faster than a real server",
      above(0),
      1,
    )
    .option("--seed <number>", "the seed of all chance", atLeast(0), 1)
    .option("--api-key <key>", "a key that /v1 asks for")
    .option(
      "--fault <fault>",
      "such as status:503 or reset_mid_stream:afterTokens=10",
      fault,
    )
    .addHelpText(
      "after",
      examples(
        "vllm-router simulate --port 8000 --capacity 4",
        "vllm-router simulate --port 8001 --fault status:503,probability=0.1",
        "vllm-router simulate --port 8002 --fault hang_mid_stream --speed 10",
      ),
    )
    .action(async (options) => {
      const { capacity: maxNumSeqs, host: hostname, model: models, ...rest } = options;
      ended(await simulate({ ...rest, maxNumSeqs, hostname, models }));
    });
}

async function simulate(
  options: Parameters<typeof startSimulator>[0] & object,
): Promise<number> {
  try {
    await using simulator = await startSimulator(options);
    console.log(
      `Simulated vLLM server of ${options.models?.join(", ")} on ${simulator.url}`,
    );
    await new Promise<void>((resolve) => {
      Deno.addSignalListener("SIGINT", resolve);
      if (Deno.build.os !== "windows") {
        Deno.addSignalListener("SIGTERM", resolve);
      }
    });
    return 0;
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    complain(
      `${options.hostname}:${options.port} is already in use; choose another with --port`,
    );
    return 1;
  }
}

function atLeast(least: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (
      value.trim() !== "" && Number.isSafeInteger(number) && number >= least
    ) return number;
    throw new InvalidArgumentError(
      `Expected a whole number of at least ${least}.`,
    );
  };
}

function above(least: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (value.trim() !== "" && Number.isFinite(number) && number > least) {
      return number;
    }
    throw new InvalidArgumentError(`Expected a number above ${least}.`);
  };
}

function fault(value: string): Fault {
  try {
    return parseFault(value);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
