import { createRandom } from "../../src/simulator/random.ts";
import { hashTokens } from "../../src/simulator/token_hash.ts";

/** With the blank behind it each is four bytes, which the simulator takes for one token. */
const WORDS = ("the and for you was are but not had all one day new now old see two way who boy " +
  "man put say she too use sun sky sea air red big low far run").split(" ")
  .map((word) => `${word} `);

/**
 * A text of exactly so many tokens of the simulator's, always the same for the same names; a
 * shorter one with the same names is the beginning of a longer one.
 */
export function textOf(tokens: number, ...names: readonly number[]): string {
  const random = createRandom(hashTokens(0, names));
  let text = "";
  for (let count = 0; count < tokens; count++) text += WORDS[Math.floor(random() * WORDS.length)];
  return text;
}
