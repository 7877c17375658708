import { renderChat } from "../../src/simulator/inference/prompt.ts";
import { createRandom, type Random } from "../../src/simulator/random.ts";
import { drawFrom, type Quantiles } from "./quantiles.ts";
import { type Draft, type Message, scaledAnswer, textOfAnswer } from "./request.ts";
import { textOf } from "./text.ts";

/** Distribution of conversations, in tokens and seconds. */
export interface Shape {
  /** New conversations per second. */
  readonly sessionsPerSecond: number;
  /** Number of system prompts; each conversation starts with one of them. */
  readonly systemPrompts: number;
  readonly systemTokens: Quantiles;
  /** Tokens of a conversation's first prompt, without the system prompt. */
  readonly firstTokens: Quantiles;
  /** Tokens added by a further turn, without the previous answer. */
  readonly addedTokens: Quantiles;
  readonly answerTokens: Quantiles;
  /** Probability of a further turn after the first, the second and so on; the last one repeats. */
  readonly continues: readonly number[];
  /** Time from one turn to the next, which never arrives before the answer. */
  readonly pauseSeconds: Quantiles;
}

interface Session {
  readonly messages: readonly Message[];
  readonly turn: number;
  readonly atMs: number;
}

/** Time per answer token in a half-full batch; see `servers.ts`. */
const ANSWER_TOKEN_MS = 50;
/** Longer conversations end, since they would not fit into a server with their answer. */
const LONGEST_PROMPT = 120_000;

/**
 * Yields endless conversations of this shape, with turns in order of arrival. Each turn repeats the
 * whole conversation so far, including the exact answer of the simulated server.
 */
export function* converse(shape: Shape, seed: number): Generator<Draft> {
  const random = createRandom(seed);
  const open: Session[] = [];
  let nextAtMs = 0;
  for (let count = 0;;) {
    if (open.length === 0 || nextAtMs <= open[0]!.atMs) {
      insert(open, newSession(shape, random, seed, count++, nextAtMs));
      nextAtMs -= Math.log(1 - random()) / shape.sessionsPerSecond * 1000;
      continue;
    }
    const session = open.shift()!;
    const draft = {
      messages: session.messages,
      answerTokens: scaledAnswer(drawFrom(shape.answerTokens, random)),
      originalMs: session.atMs,
    };
    const further = nextTurn(shape, random, session, draft);
    if (further) insert(open, further);
    yield draft;
  }
}

function newSession(
  shape: Shape,
  random: Random,
  seed: number,
  count: number,
  atMs: number,
): Session {
  const messages: Message[] = [];
  if (shape.systemPrompts > 0) {
    const system = Math.floor(random() * shape.systemPrompts);
    // The system prompts do not depend on any other draw.
    const tokens = Math.round(drawFrom(shape.systemTokens, createRandom(system + 1)));
    messages.push({ role: "system", content: textOf(tokens, 1, system) });
  }
  const first = Math.round(drawFrom(shape.firstTokens, random));
  messages.push({ role: "user", content: textOf(Math.max(1, first), 2, seed, count) });
  return { messages, turn: 0, atMs };
}

function nextTurn(
  { continues, addedTokens, pauseSeconds }: Shape,
  random: Random,
  { messages, turn, atMs }: Session,
  { answerTokens }: Draft,
): Session | undefined {
  if (random() >= continues[Math.min(turn, continues.length - 1)]!) return undefined;
  const prompt = renderChat({ messages });
  const added = Math.ceil(drawFrom(addedTokens, random));
  if (prompt.length + answerTokens + added > LONGEST_PROMPT) return undefined;
  const answer = textOfAnswer(prompt, answerTokens);
  const user = textOf(added, 3, Math.floor(random() * 2 ** 32), turn);
  return {
    messages: [
      ...messages,
      { role: "assistant", content: answer },
      { role: "user", content: user },
    ],
    turn: turn + 1,
    atMs: atMs + Math.max(drawFrom(pauseSeconds, random) * 1000, answerTokens * ANSWER_TOKEN_MS),
  };
}

function insert(sessions: Session[], session: Session): void {
  const index = sessions.findIndex(({ atMs }) => atMs > session.atMs);
  sessions.splice(index < 0 ? sessions.length : index, 0, session);
}
