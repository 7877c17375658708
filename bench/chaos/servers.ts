import { planAnswer } from "../../src/simulator/answer.ts";
import { renderChat } from "../../src/simulator/prompt.ts";
import {
  type Ending,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from "../../src/simulator/simulator.ts";
import { tokenText } from "../../src/simulator/tokenizer.ts";
import { type Asking, POISON } from "./asking.ts";

/** How one attempt at a server ended, as the server saw it. */
export interface Attempt {
  readonly server: number;
  /** Its own id: the request's, and a number behind it. */
  readonly id: string;
  readonly how: Ending;
  /** As `performance.now` tells it. */
  readonly endedAt: number;
}

/** The simulated servers of a run, and what they saw. */
export interface Servers extends AsyncDisposable {
  readonly simulators: readonly Simulator[];
  /** By the request's id, in the order they ended. */
  readonly attempts: ReadonlyMap<string, readonly Attempt[]>;
}

const MAX_MODEL_LEN = 32_768;
/** Every other server fills the silence of its streams, also while it hangs. */
const KEEP_ALIVE = { sseKeepAliveSeconds: 0.5 };

/** Starts servers of which each words its answers in its own way. */
export async function startServers(
  count: number,
  seed: number,
  options: SimulatorOptions,
): Promise<Servers> {
  const attempts = new Map<string, Attempt[]>();
  const simulators = await Promise.all(Array.from({ length: count }, (_, server) => {
    return startSimulator({
      ...options,
      ...(server % 2 === 1 && KEEP_ALIVE),
      poison: { marker: POISON, answer: "error" },
      maxModelLen: MAX_MODEL_LEN,
      seed: seedOf(seed, server),
      onEnded(id = "", how) {
        const request = id.slice(0, id.lastIndexOf("-"));
        const known = attempts.get(request) ?? [];
        attempts.set(request, [...known, { server, id, how, endedAt: performance.now() }]);
      },
    });
  }));
  return {
    simulators,
    attempts,
    async [Symbol.asyncDispose]() {
      await Promise.all(simulators.map((simulator) => simulator.close()));
    },
  };
}

/** All the text that a server has to say to a request: the simulator's answers can be foretold. */
export function textOf(
  { content, tokens }: Pick<Asking, "content" | "tokens">,
  server: number,
  seed: number,
): string {
  const prompt = renderChat({ messages: [{ role: "user", content }] });
  const body = { max_tokens: tokens, ignore_eos: true };
  const settings = { maxModelLen: MAX_MODEL_LEN, seed: seedOf(seed, server) };
  const plan = planAnswer(prompt, body, settings);
  return Array.from({ length: plan.length }, () => tokenText(plan.nextToken())).join("");
}

const seedOf = (seed: number, server: number) => seed * 100 + server;
