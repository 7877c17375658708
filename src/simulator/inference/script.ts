import { END_OF_ANSWER, MARKS, type TokenChain } from "./token_chain.ts";
import { tokenize } from "./tokenizer.ts";

/** A text that an answer is to have, instead of words that the chain draws. */
export interface Script {
  readonly tokens: readonly number[];
  /** Tokens of the answer that the prompt has already: another server generated them. */
  readonly generated: Uint32Array;
}

/** Valid at the end of every JSON text. */
const FILLER = tokenize(" ")[0]!;

/** Follows the script after the answer's thinking, if any, which the chain draws. */
export function followScript(chain: TokenChain, script: Script, thinks: boolean): TokenChain {
  const { tokens, generated } = script;
  const begin = thinks ? generated.lastIndexOf(MARKS.thinkingEnds) + 1 : 0;
  let isThinking = thinks && begin === 0;
  let position = isThinking ? 0 : generated.length - begin;
  return {
    get isAtEnd() {
      return !isThinking && position >= tokens.length;
    },
    next(end) {
      if (!isThinking) return tokens[position++] ?? (end === "stop" ? END_OF_ANSWER : FILLER);
      const token = chain.next(end);
      isThinking = token !== MARKS.thinkingEnds;
      return token;
    },
  };
}
