import { hashTokens } from "../engine/token_hash.ts";
import { tokenize } from "./tokenizer.ts";

/**
 * Draws an answer token by token. Each token depends on all tokens before it and nothing else, so
 * that an answer that another server continues is the one that this server would have given.
 */
export interface TokenChain {
  /** The next token would be the last, unless more are wanted. */
  readonly isAtEnd: boolean;
  /** @param end if it is the last: by itself it closes a sentence, at the limit it is whole text */
  next(end?: "stop" | "length"): number;
}

/** What a model does besides writing words. */
export interface Habits {
  /** It thinks before it answers. */
  readonly thinks: boolean;
  /** It may call a tool. */
  readonly callsTools: boolean;
}

// Each word plus its space is one token, and so is each word plus the final full stop.
const WORDS = ("the and for you was are but not had all one day new now old see two way who boy " +
  "man put say she too use sun sky sea air red big low far run").split(" ");
const only = (text: string) => tokenize(text)[0]!;
const MIDDLE_TOKENS = WORDS.map((word) => only(`${word} `));
const LAST_TOKENS = WORDS.map((word) => only(`${word}.`));
/** A character that two tokens share. */
const [FIRST_HALF, SECOND_HALF] = tokenize("ok\u{1F642}. ") as unknown as [number, number];
/** The end of every chat's prompt: the answer begins. */
const ANSWER_BEGINS = tokenize("<|im_start|>assistant\n").at(-1)!;

/** Tokens that mark the parts of an answer. */
export const MARKS = {
  thinkingBegins: only("<th>"),
  thinkingEnds: only("</t>"),
  toolBegins: only("<fn>"),
  /** Ordinary text that looks like the beginning of a mark. */
  bracket: only("<or "),
} as const;

/** One in so many tokens, on average. */
const EVERY = { end: 100, half: 64, thinkingEnd: 12, tool: 60, bracket: 40 } as const;

export function startChain(prompt: Uint32Array, seed: number, habits: Habits): TokenChain {
  const token = new Uint32Array(1);
  let hash = seed;
  // One after the other, as the answer's own: a continued answer's prompt has some of those.
  const take = (next: number) => {
    token[0] = next;
    hash = hashTokens(hash, token);
  };
  prompt.forEach(take);
  let last = prompt.at(-1);
  let isThinking = habits.thinks &&
    prompt.lastIndexOf(MARKS.thinkingBegins) > prompt.lastIndexOf(MARKS.thinkingEnds);
  /** Whether this happens now, by another part of the hash for each. */
  const isNow = (one: keyof typeof EVERY, part: number) =>
    Math.floor(hash / 7 ** part) % EVERY[one] === 0;

  function draw(end: "stop" | "length" | undefined): number {
    if (last === FIRST_HALF) return SECOND_HALF;
    if (habits.thinks && last === ANSWER_BEGINS) return MARKS.thinkingBegins;
    if (isThinking && isNow("thinkingEnd", 1)) return MARKS.thinkingEnds;
    const word = Math.floor(hash / 2 ** 16) % WORDS.length;
    if (end === "stop") return LAST_TOKENS[word]!;
    if (habits.callsTools && isNow("tool", 2)) return MARKS.toolBegins;
    if (habits.callsTools && isNow("bracket", 3)) return MARKS.bracket;
    return isNow("half", 4) && !end ? FIRST_HALF : MIDDLE_TOKENS[word]!;
  }

  return {
    get isAtEnd() {
      return !isThinking && last !== FIRST_HALF && isNow("end", 0);
    },
    next(end) {
      last = draw(end);
      if (last === MARKS.thinkingBegins) isThinking = true;
      if (last === MARKS.thinkingEnds) isThinking = false;
      take(last);
      return last;
    },
  };
}
