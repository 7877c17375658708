import { hashTokens } from "../engine/token_hash.ts";
import { tokenize } from "./tokenizer.ts";
import { bytesOfToken } from "./vocabulary.ts";

/** A token and the logarithm of its probability. */
export interface Logprob {
  readonly token: string;
  readonly logprob: number;
}

/** Most alternatives that are told of a token. */
export const MAX_LOGPROBS = 20;

const ALTERNATIVES =
  "the and for you was are but not had all one day new now old see two way who boy man"
    .split(" ").map((word) => textOf(tokenize(` ${word}`)[0]!));

/**
 * Returns the token and its alternatives, most likely first: the simulator is greedy. The numbers
 * depend on the token and its place.
 */
export function logprobsOf(token: number, place: number, count: number): readonly Logprob[] {
  const chosen = textOf(token);
  const hash = hashTokens(place, [token]);
  const share = 0.5 + (hash % 1000) / 2100;
  const first = { token: chosen, logprob: Math.log(share) };
  const others = ALTERNATIVES.filter((text) => text !== chosen);
  const begin = hash % others.length;
  const rest = [...others.slice(begin), ...others.slice(0, begin)].slice(0, count - 1);
  return [
    first,
    // Each has half of what is left.
    ...rest.map((text, index) => ({
      token: text,
      logprob: Math.log((1 - share) / 2 ** (index + 1)),
    })),
  ];
}

/** The text of one token; part of a character is a replacement character. */
function textOf(token: number): string {
  return new TextDecoder().decode(bytesOfToken(token));
}
