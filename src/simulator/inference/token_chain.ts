import { hashTokens } from "../engine/token_hash.ts";
import { tokenize } from "./tokenizer.ts";
import { idOfAdded } from "./vocabulary.ts";

/**
 * Draws an answer token by token. Each token depends on all tokens before it and nothing else, so
 * that an answer that another server continues is the one that this server would have given.
 */
export interface TokenChain {
  /** The next token would be {@linkcode END_OF_ANSWER}, unless more are wanted. */
  readonly isAtEnd: boolean;
  /** @param end if it is the last: it ends the answer, or is whole text at the limit */
  next(end?: "stop" | "length"): number;
}

/** What a model does besides writing words. */
export interface Habits {
  /** It thinks before it answers. */
  readonly thinks: boolean;
  /** It may call a tool: what it writes sometimes looks like the beginning of a call. */
  readonly callsTools: boolean;
}

const WORDS = ("the and for you was are but not had all one day new now old see two way who boy " +
  "man put say she too use sun sky sea air red big low far run").split(" ");
const only = (text: string) => tokenize(text)[0]!;
/** With their leading space, the tokens that text has as well: an answer is tokenized to itself. */
const WORD_TOKENS = WORDS.map((word) => only(` ${word}`));
const IS_WORD = new Set(WORD_TOKENS);
const FULL_STOP = only(".");
/** A character that two tokens share. */
const [FIRST_HALF, SECOND_HALF] = tokenize(" \u{1F642}") as unknown as [number, number];
/** Ends an answer that ends by itself. It has no text. */
export const END_OF_ANSWER = idOfAdded("<|im_end|>");
/** The end of every chat's prompt: the answer begins. */
const ANSWER_BEGINS = tokenize("<|im_start|>assistant\n");

/** Tokens that mark the parts of an answer. */
export const MARKS = {
  thinkingBegins: idOfAdded("<think>"),
  thinkingEnds: idOfAdded("</think>"),
  toolBegins: idOfAdded("<tool_call>"),
  /** Ordinary text that looks like the beginning of a mark. */
  bracket: only("<"),
} as const;

/** One in so many tokens, on average. */
const EVERY = { fullStop: 100, half: 64, thinkingEnd: 12, bracket: 40 } as const;

export function startChain(prompt: Uint32Array, seed: number, habits: Habits): TokenChain {
  const token = new Uint32Array(1);
  let hash = seed;
  // One after the other, as the answer's own: a continued answer's prompt has some of those.
  const take = (next: number) => {
    token[0] = next;
    hash = hashTokens(hash, token);
  };
  prompt.forEach(take);
  let last = prompt.at(-1)!;
  let isOpening = ANSWER_BEGINS.every((token, index) =>
    token === prompt[prompt.length - ANSWER_BEGINS.length + index]
  );
  let isThinking = habits.thinks &&
    prompt.lastIndexOf(MARKS.thinkingBegins) > prompt.lastIndexOf(MARKS.thinkingEnds);
  /** Whether this happens now, by another part of the hash for each. */
  const isNow = (one: keyof typeof EVERY, part: number) =>
    Math.floor(hash / 7 ** part) % EVERY[one] === 0;

  function draw(end: "stop" | "length" | undefined): number {
    if (last === FIRST_HALF) return SECOND_HALF;
    if (habits.thinks && isOpening) return MARKS.thinkingBegins;
    if (isThinking && isNow("thinkingEnd", 1)) return MARKS.thinkingEnds;
    if (end === "stop") return END_OF_ANSWER;
    if (!isThinking && IS_WORD.has(last) && isNow("fullStop", 2)) return FULL_STOP;
    if (habits.callsTools && isNow("bracket", 3) && IS_WORD.has(last)) return MARKS.bracket;
    if (isNow("half", 4) && !end) return FIRST_HALF;
    return WORD_TOKENS[Math.floor(hash / 2 ** 16) % WORD_TOKENS.length]!;
  }

  return {
    get isAtEnd() {
      return !isThinking && last === FULL_STOP;
    },
    next(end) {
      last = draw(end);
      isOpening = false;
      if (last === MARKS.thinkingBegins) isThinking = true;
      if (last === MARKS.thinkingEnds) isThinking = false;
      take(last);
      return last;
    },
  };
}
