import { createRandom } from "../../src/simulator/random.ts";
import { drawFrom } from "./quantiles.ts";
import { type Draft, scaledAnswer } from "./request.ts";
import { converse, type Shape } from "./sessions.ts";
import { textOf } from "./text.ts";

/**
 * Short chats with lengths as in the first 8,000 requests of Azure's 2023 conversation trace. The
 * trace has no prefixes, so none are shared. Prompt and answer lengths are nearly independent
 * (their logarithms have a correlation of 0.07).
 */
const SHORT_CHATS: Shape = {
  sessionsPerSecond: 5.27,
  systemPrompts: 0,
  systemTokens: [],
  firstTokens: [2, 31, 181, 212, 401, 1040, 1176, 2888, 4084, 4115, 14_050],
  addedTokens: [],
  answerTokens: [10, 14, 38, 51, 86, 167, 399, 429, 468, 622, 1000],
  continues: [0],
  pauseSeconds: [],
};

/**
 * Growing conversations as in the first 5,000 requests of Mooncake's conversation trace. A request
 * counts as a further turn if it repeats more than the block shared by all. That block of 512
 * tokens is the system prompt here. The trace has 2.05 new conversations per second; four servers
 * can handle half of that. Pauses keep their length.
 */
const LONG_CONVERSATIONS: Shape = {
  sessionsPerSecond: 1.05,
  systemPrompts: 1,
  systemTokens: [512, 512, 512, 512, 512, 512, 512, 512, 512, 512, 512],
  firstTokens: [379, 382, 385, 394, 949, 5473, 13_802, 27_047, 41_262, 94_479, 119_000],
  addedTokens: [1, 1, 1, 1, 7, 24, 491, 4397, 7897, 20_020, 91_467],
  answerTokens: [1, 3, 9, 24, 149, 356, 476, 606, 708, 1110, 2000],
  continues: [0.29, 0.39, 0.46, 0.54],
  pauseSeconds: [3, 12, 30, 39, 66, 117, 243, 426, 546, 819, 1326],
};

/**
 * Agents: a long common prompt with instructions and tools for each of twelve kinds, and many short
 * steps that each add a tool's output. Not based on a trace.
 */
const AGENTS: Shape = {
  sessionsPerSecond: 1,
  systemPrompts: 12,
  systemTokens: [3000, 3000, 3500, 4000, 5000, 7000, 9000, 11_000, 12_000, 14_000, 16_000],
  firstTokens: [50, 60, 80, 100, 150, 300, 600, 1500, 2500, 4000, 8000],
  addedTokens: [20, 30, 50, 80, 200, 500, 1200, 2500, 3500, 6000, 10_000],
  answerTokens: [10, 15, 20, 30, 60, 110, 200, 350, 450, 700, 1200],
  continues: [0.88],
  pauseSeconds: [0.5, 0.7, 1, 1.2, 2, 3, 6, 12, 20, 40, 60],
};

/** Prompts with one of eight shared beginnings and a short end, as sent to real servers on CPUs. */
const SHARED_BEGINNINGS: Shape = {
  sessionsPerSecond: 1,
  systemPrompts: 8,
  systemTokens: [2000, 2000, 2200, 2400, 3000, 4500, 6300, 7800, 8400, 8900, 9000],
  firstTokens: [30, 32, 40, 50, 80, 120, 160, 190, 200, 210, 220],
  addedTokens: [],
  answerTokens: [16, 17, 18, 20, 28, 44, 60, 72, 76, 79, 80],
  continues: [0],
  pauseSeconds: [],
};

/** The same with ends of all lengths up to 9,000 tokens. */
const LONG_ENDS: Shape = {
  ...SHARED_BEGINNINGS,
  firstTokens: [30, 35, 50, 70, 150, 400, 1000, 2500, 4000, 7500, 9000],
};

export function sharedBeginnings(seed: number): Generator<Draft> {
  return converse(SHARED_BEGINNINGS, seed);
}

export function longEnds(seed: number): Generator<Draft> {
  return converse(LONG_ENDS, seed);
}

export function shortChats(seed: number): Generator<Draft> {
  return converse(SHORT_CHATS, seed);
}

export function longConversations(seed: number): Generator<Draft> {
  return converse(LONG_CONVERSATIONS, seed);
}

export function agents(seed: number): Generator<Draft> {
  return converse(AGENTS, seed);
}

const FLOOD_SHARE = 0.05;
const FLOOD_TOKENS = { least: 20_000, most: 32_000 };

/** Replaces a random 5% of the requests by prompts of 20,000 tokens or more. */
export function* flooded(drafts: Iterable<Draft>, seed: number): Generator<Draft> {
  const random = createRandom(seed ^ 0x5f);
  const { least, most } = FLOOD_TOKENS;
  let count = 0;
  for (const draft of drafts) {
    count++;
    if (random() >= FLOOD_SHARE) {
      yield draft;
      continue;
    }
    const tokens = least + Math.floor(random() * (most - least));
    const answerTokens = scaledAnswer(drawFrom(SHORT_CHATS.answerTokens, random));
    const content = textOf(tokens, 4, seed, count);
    yield { ...draft, messages: [{ role: "user", content }], answerTokens };
  }
}
