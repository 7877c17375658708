import type { FieldMap } from "../field_map.ts";
import { latin1 } from "./latin1.ts";
import type { HeadScan } from "./head_scan.ts";

/** The fields of a head, in order; a name may repeat. */
export class Fields implements FieldMap {
  readonly #pairs: readonly [string, string][];

  /** @param pairs names in lower case, each with its value */
  constructor(pairs: readonly [string, string][]) {
    this.#pairs = pairs;
  }

  get(name: string): string | null {
    let value: string | null = null;
    for (const pair of this.#pairs) {
      if (pair[0] === name) value = value === null ? pair[1] : `${value}, ${pair[1]}`;
    }
    return value;
  }

  has(name: string): boolean {
    return this.#pairs.some((pair) => pair[0] === name);
  }

  /** How often a field occurs. */
  count(name: string): number {
    return this.#pairs.reduce((count, pair) => pair[0] === name ? count + 1 : count, 0);
  }

  [Symbol.iterator](): Iterator<[string, string]> {
    return this.#pairs[Symbol.iterator]();
  }
}

/** A head as text. */
export interface HeadText {
  /** Without its line end. */
  readonly startLine: string;
  readonly fields: Fields;
}

/** Reads a head that was scanned whole. Characters are bytes, as Latin-1. */
export function readHead(
  { at, lineEnd, marks }: HeadScan,
  bytes: Uint8Array,
  from: number,
): HeadText {
  const text = latin1(bytes, from, from + at);
  const pairs: [string, string][] = [];
  for (let i = 0; i < marks.length; i += 4) {
    pairs.push([
      text.slice(marks[i], marks[i + 1]).toLowerCase(),
      text.slice(marks[i + 2], marks[i + 3]),
    ]);
  }
  return { startLine: text.slice(0, lineEnd), fields: new Fields(pairs) };
}
