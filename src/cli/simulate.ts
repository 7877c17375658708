import { type Command, InvalidArgumentError } from "commander";
import type { Fault } from "../simulator/fault.ts";
import { parseFault } from "../simulator/fault_text.ts";
import { type SimulatorOptions, startSimulator } from "../simulator/simulator.ts";
import { complain } from "./complain.ts";
import { whyNotThere } from "./listen.ts";
import { examples, number, portOption } from "./options.ts";

/** Makes `command` the one that runs a simulated vLLM server. */
export function addSimulate(command: Command, ended: (code: number) => void): void {
  command
    .description("run one simulated vLLM server, with faults if wanted")
    .option("--host <address>", "the address to listen on", "127.0.0.1")
    .addOption(portOption(8000))
    .option("--model <name...>", "the models to serve", ["simulated-model"])
    .option("--capacity <count>", "requests that run side by side", count(1), 8)
    .option("--speed <factor>", "how much faster than a real server", number({ least: 0.01 }), 1)
    .option("--seed <number>", "the seed of all chance", count(0), 1)
    .option("--api-key <key>", "a key that /v1 asks for")
    .option("--fault <fault>", "such as status:503 or reset_mid_stream:afterTokens=10", fault)
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

const count = (least: number) => number({ least, whole: true });

async function simulate(
  options: SimulatorOptions & { readonly hostname: string; readonly port: number },
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
    const why = whyNotThere(error, options.hostname, options.port);
    if (why === undefined) throw error;
    complain(why);
    return 1;
  }
}

function fault(value: string): Fault {
  try {
    return parseFault(value);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
