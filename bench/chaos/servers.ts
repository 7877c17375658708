import { planAnswer } from "../../src/simulator/inference/answer.ts";
import { renderChat } from "../../src/simulator/inference/prompt.ts";
import {
  type Ending,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from "../../src/simulator/simulator.ts";
import { detokenize } from "../../src/simulator/inference/tokenizer.ts";
import { type Asking, POISON } from "./asking.ts";

/** One attempt and its end, as its server saw it. */
export interface Attempt {
  readonly server: number;
  /** The attempt's id: the request's id, followed by a number. */
  readonly id: string;
  readonly how: Ending;
  /** On the clock of `performance.now`. */
  readonly endedAt: number;
}

/** The simulated servers of a run, and what they saw. */
export interface Servers extends AsyncDisposable {
  /** Also those that have ended. */
  readonly simulators: readonly Simulator[];
  /** Starts another one. Returns its index. */
  start(): Promise<number>;
  /** By request id, in the order in which they ended. */
  readonly attempts: ReadonlyMap<string, readonly Attempt[]>;
}

const MAX_MODEL_LEN = 32_768;
/** Set on every other server: it sends comments during silence in streams, even while it hangs. */
const KEEP_ALIVE = { sseKeepAliveSeconds: 0.5 };

/** Starts servers of one model: they answer a request in the same words. */
export async function startServers(
  count: number,
  seed: number,
  options: SimulatorOptions,
): Promise<Servers> {
  const attempts = new Map<string, Attempt[]>();
  const simulators: Simulator[] = [];

  async function start(): Promise<number> {
    const server = simulators.length;
    simulators[server] = await startSimulator({
      ...options,
      ...(server % 2 === 1 && KEEP_ALIVE),
      poison: { marker: POISON, answer: "error" },
      maxModelLen: MAX_MODEL_LEN,
      seed,
      onEnded(id = "", how) {
        const request = id.slice(0, id.lastIndexOf("-"));
        const known = attempts.get(request) ?? [];
        attempts.set(request, [...known, { server, id, how, endedAt: performance.now() }]);
      },
    });
    return server;
  }

  while (simulators.length < count) await start();
  return {
    simulators,
    start,
    attempts,
    async [Symbol.asyncDispose]() {
      await Promise.all(simulators.map((simulator) => simulator.close()));
    },
  };
}

/** Returns the complete text of the answer, which is predictable for the simulator. */
export function textOf(
  { content, tokens }: Pick<Asking, "content" | "tokens">,
  seed: number,
): string {
  const prompt = renderChat({ messages: [{ role: "user", content }] });
  const body = { max_tokens: tokens, ignore_eos: true };
  const settings = { maxModelLen: MAX_MODEL_LEN, seed };
  const plan = planAnswer(prompt, body, settings);
  return detokenize(Array.from({ length: plan.length }, () => plan.nextToken()));
}
