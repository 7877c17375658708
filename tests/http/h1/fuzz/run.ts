import assert from "node:assert/strict";
import { bytesOf, type Kind, parseMessage } from "../parse_message.ts";
import { chanceOf } from "./chance.ts";
import { compare } from "./compare.ts";
import { mutatedMessages } from "./mutations.ts";

/** What a run found. */
export interface Tally {
  /** Messages that both parsers accepted, and read alike. */
  alike: number;
  /** Each difference, with its case. Empty if the claim holds. */
  readonly differences: string[];
  /** Why ours refused, with how many of these messages llhttp refused and accepted. */
  readonly refusals: Map<string, { refused: number; accepted: number }>;
}

/** Runs the cases from `first` on: what llhttp says of each, and whether cutting it matters. */
export function run(kind: Kind, seed: number, first: number, count: number): Tally {
  const tally: Tally = { alike: 0, differences: [], refusals: new Map() };
  for (let nth = first; nth < first + count; nth++) {
    const chance = chanceOf(seed, nth);
    const text = mutatedMessages(kind, chance);
    const bytes = bytesOf(text);
    const { alike, difference, refused } = compare(kind, bytes);
    tally.alike += alike;
    if (difference !== undefined) {
      tally.differences.push(`--kind ${kind} --seed ${seed} --case ${nth}: ${difference}`);
    }
    if (refused) {
      const counts = tally.refusals.get(refused.why) ?? { refused: 0, accepted: 0 };
      tally.refusals.set(refused.why, counts);
      counts[refused.llhttpAccepts ? "accepted" : "refused"]++;
    }
    const cut = chance.below(bytes.length + 1);
    assert.deepEqual(
      parseMessage(kind, bytes, 0, [cut, bytes.length]),
      parseMessage(kind, bytes),
      `--kind ${kind} --seed ${seed} --case ${nth}: cut at ${cut}`,
    );
  }
  return tally;
}
