import { type Command, InvalidArgumentError } from "commander";
import type { Fault } from "../simulator/faults/fault.ts";
import { parseFault } from "../simulator/faults/fault_text.ts";
import { type SimulatorOptions, startSimulator } from "../simulator/simulator.ts";
import { complain } from "./complain.ts";
import { listenFailure } from "./listen.ts";
import { examples, number, portOption } from "./options.ts";

/** Turns `command` into `simulate`, which runs a simulated vLLM server. */
export function addSimulate(command: Command, ended: (code: number) => void): void {
  command
    .description("run a simulated vLLM server, optionally with faults")
    .option("--host <address>", "the address to listen on", "127.0.0.1")
    .addOption(portOption(8000))
    .option("--model <name...>", "the models to serve", ["simulated-model"])
    .option("--capacity <count>", "requests that run concurrently", count(1), 8)
    .option("--speed <factor>", "speed relative to a real server", number({ least: 0.01 }), 1)
    .option("--seed <number>", "the seed of the random generator", count(0), 1)
    .option("--api-key <key>", "the API key that /v1 requires")
    .option("--block-size <tokens>", "tokens per block of the KV cache", count(1), 16)
    .option(
      "--prefill-doubles-at <tokens>",
      "the position at which a prompt token takes twice as long as the first",
      count(1),
    )
    .option("--no-responses-store", "keep no responses: their ids get 404")
    .option("--max-num-batched-tokens <count>", "tokens per engine step", count(1), 2048)
    .option("--max-num-queued-reqs <count>", "requests that may wait; more get 503", count(1))
    .option("--sse-keep-alive-interval <seconds>", "keep-alive comment interval", seconds(0.001))
    .option("--shutdown-timeout <seconds>", "how long to drain on shutdown", seconds(0), 0)
    .option("--fault <fault>", "such as status:503 or reset_mid_stream:afterTokens=10", fault)
    .addHelpText(
      "after",
      examples(
        "vllm-router simulate --port 8000 --capacity 4",
        "vllm-router simulate --port 8001 --fault status:503,probability=0.1",
        "vllm-router simulate --port 8002 --fault hang_mid_stream --speed 10",
        "vllm-router simulate --port 8003 --max-num-queued-reqs 4 --shutdown-timeout 30",
      ),
    )
    .action(async (options) => {
      const { capacity, host, model, shutdownTimeout, ...rest } = options;
      const { maxNumQueuedReqs, sseKeepAliveInterval, ...same } = rest;
      ended(
        await simulate({
          ...same,
          hostname: host,
          models: model,
          maxNumSeqs: capacity,
          metricsAtStepEnd: true,
          ...(maxNumQueuedReqs !== undefined && { maxQueued: maxNumQueuedReqs }),
          ...(sseKeepAliveInterval && { sseKeepAliveSeconds: sseKeepAliveInterval }),
        }, shutdownTimeout),
      );
    });
}

const count = (least: number) => number({ least, whole: true });
const seconds = (least: number) => number({ least });

async function simulate(
  options: SimulatorOptions & { readonly hostname: string; readonly port: number },
  shutdownTimeoutSeconds: number,
): Promise<number> {
  try {
    await using simulator = await startSimulator(options);
    console.log(
      `Simulated vLLM server of ${options.models?.join(", ")} on ${simulator.url}`,
    );
    await stopSignal();
    await simulator.shutDown(shutdownTimeoutSeconds);
    return 0;
  } catch (error) {
    const why = listenFailure(error, options.hostname, options.port);
    if (why === undefined) throw error;
    complain(why);
    return 1;
  }
}

/** Resolves on the first stop signal. A second one ends the process at once. */
async function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = () => resolve();
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  await promise;
  for (const signal of signals) Deno.removeSignalListener(signal, stop);
}

function fault(value: string): Fault {
  try {
    return parseFault(value);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
