/**
 * The simulated vLLM server as a separate process. It is cheap enough not to limit any proxy: with
 * `interTokenMs` 0 all tokens of an answer come in one step, and a streamed event costs it a
 * fraction of what the cheapest proxy spends.
 *
 * Arguments: the simulator's options as JSON.
 */
import { type SimulatorOptions, startSimulator } from "../../src/simulator/simulator.ts";
import { denoArguments, freePort, startListening } from "../support/processes.ts";

/** Starts a simulator in another process. */
export function startUpstream(options: SimulatorOptions) {
  const port = freePort();
  const text = JSON.stringify({ ...options, port });
  return startListening(
    Deno.execPath(),
    denoArguments("cost/upstream.ts", text),
    port,
  );
}

if (import.meta.main) await startSimulator(JSON.parse(Deno.args[0]!));
