import MERGES from "./merges.txt" with { type: "text" };

/** Tokens that text is cut at before anything else, as a model's added tokens. */
export const ADDED = [
  "<|endoftext|>",
  "<|im_start|>",
  "<|im_end|>",
  "<|image_pad|>",
  "<think>",
  "</think>",
  "<tool_call>",
] as const;

/** A token that is never merged from others. */
export type AddedToken = typeof ADDED[number];

/** Matches the added tokens. `split` returns them too. */
export const ADDED_PATTERN = new RegExp(
  `(${ADDED.map((token) => token.replaceAll("|", "\\|")).join("|")})`,
);

/**
 * The letter of each byte in `merges.txt` and in the answers of /tokenize, as in all vocabularies
 * of GPT-2's kind. Bytes that can't be printed have the letters from U+0100 on.
 */
const LETTERS: string[] = [];
for (let byte = 0, unprintable = 0x100; byte < 256; byte++) {
  const isPrintable = byte > 0x20 && byte < 0x7f || byte > 0xa0 && byte !== 0xad;
  LETTERS.push(String.fromCharCode(isPrintable ? byte : unprintable++));
}
const BYTE_OF = new Map(LETTERS.map((letter, byte) => [letter, byte]));

/** Each token in those letters, by id: the bytes, what they merge into, and the added tokens. */
const STRINGS: string[] = [];
const ID_OF = new Map<string, number>();
/** Ids by the two tokens that merge into them. A lower id is merged first. */
const MERGED = new Map<number, number>();

const pairOf = (left: number, right: number) => left * 2 ** 16 + right;

function add(string: string): number {
  const id = STRINGS.push(string) - 1;
  ID_OF.set(string, id);
  return id;
}

LETTERS.forEach(add);
for (const line of MERGES.trimEnd().split("\n")) {
  const space = line.indexOf(" ");
  const left = line.slice(0, space);
  const right = line.slice(space + 1);
  MERGED.set(pairOf(ID_OF.get(left)!, ID_OF.get(right)!), add(left + right));
}
ADDED.forEach(add);

/** Number of tokens: all ids are smaller. */
export const VOCABULARY_SIZE = STRINGS.length;

/** The bytes of tokens, as far as they were asked for. */
const bytes: Uint8Array<ArrayBuffer>[] = [];

/** Returns the id that two neighbours merge into, `Infinity` if they don't merge. */
export function merge(left: number, right: number): number {
  return MERGED.get(pairOf(left, right)) ?? Infinity;
}

/** Returns the id of an added token. */
export function idOfAdded(token: AddedToken): number {
  return ID_OF.get(token)!;
}

/** Returns the bytes of a token: not all tokens are whole characters. */
export function bytesOfToken(id: number): Uint8Array<ArrayBuffer> {
  return bytes[id] ??= Uint8Array.from(STRINGS[id]!, (letter) => BYTE_OF.get(letter)!);
}

/** Returns a token in the letters of its bytes, as vLLM writes it: `Ġthe`. */
export function tokenString(id: number): string {
  return STRINGS[id]!;
}
