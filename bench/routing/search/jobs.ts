import { answerTo, hashesOf, type TimedRequest } from "../request.ts";

/** A request as the search needs it. */
export interface Job {
  readonly atMs: number;
  readonly promptTokens: number;
  /** Tokens of the answer, at least 1. */
  readonly answerTokens: number;
  /** Contents of the full blocks of prompt and answer: equal numbers for equal prefixes. */
  readonly contents: Int32Array;
}

/** The requests of a replay. */
export interface Jobs {
  readonly all: readonly Job[];
  /** Number of different contents. */
  readonly kinds: number;
}

/** Prepares a replay's requests: their answers are known, as the simulator's always are. */
export function jobsOf(requests: readonly TimedRequest[]): Jobs {
  const numbers = new Map<number, number>();
  const numberOf = (hash: number): number => {
    const known = numbers.get(hash);
    if (known !== undefined) return known;
    numbers.set(hash, numbers.size);
    return numbers.size - 1;
  };
  const all = requests.map(({ atMs, prompt, answerTokens }) => {
    const plan = answerTo(prompt, answerTokens);
    const tokens = new Uint32Array(prompt.length + plan.length);
    tokens.set(prompt);
    for (let index = prompt.length; index < tokens.length; index++) {
      tokens[index] = plan.nextToken();
    }
    const contents = Int32Array.from(hashesOf(tokens), numberOf);
    return { atMs, promptTokens: prompt.length, answerTokens: plan.length, contents };
  });
  return { all, kinds: numbers.size };
}
