import { createRandom } from "../../src/simulator/random.ts";
import { hashTokens } from "../../src/simulator/engine/token_hash.ts";

/** Each word with its leading space is four bytes, one token of the simulator. */
const WORDS = ("the and for you was are but not had all one day new now old see two way who boy " +
  "man put say she too use sun sky sea air red big low far run").split(" ")
  .map((word) => ` ${word}`);

/**
 * Returns a text of exactly `tokens` simulator tokens. The same names give the same text; a shorter
 * text is a prefix of a longer one.
 */
export function textOf(tokens: number, ...names: readonly number[]): string {
  const random = createRandom(hashTokens(0, names));
  let text = "";
  for (let count = 0; count < tokens; count++) text += WORDS[Math.floor(random() * WORDS.length)];
  return text;
}
