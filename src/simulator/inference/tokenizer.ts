import { concatBytes } from "../http/request_reader.ts";
import { ADDED_PATTERN, type AddedToken, bytesOfToken, idOfAdded, merge } from "./vocabulary.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * What is merged on its own, as in Qwen's vocabulary: a word with its leading space, a digit,
 * punctuation, line breaks, other space. All are bounded, since merging takes quadratic time.
 */
const WORD = new RegExp(
  [
    "'(?:[sS]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])",
    "[^\\r\\n\\p{L}\\p{N}]?\\p{L}{1,32}",
    "\\p{N}",
    " ?[^\\s\\p{L}\\p{N}]{1,32}[\\r\\n]{0,32}",
    "\\s{0,32}[\\r\\n]{1,32}",
    "\\s{1,32}(?!\\S)",
    "\\s{1,32}",
  ].join("|"),
  "gu",
);

/** The tokens of words seen before. */
const cache = new Map<string, readonly number[]>();
const MOST_CACHED = 20_000;

/** Encodes text by byte-level BPE. Decoding gives the same text back, whatever it is. */
export function tokenize(text: string): Uint32Array {
  const tokens: number[] = [];
  text.split(ADDED_PATTERN).forEach((part, index) => {
    // Every second part is an added token.
    if (index % 2 === 1) return tokens.push(idOfAdded(part as AddedToken));
    for (const word of part.match(WORD) ?? []) {
      for (const token of tokensOfWord(word)) tokens.push(token);
    }
  });
  return new Uint32Array(tokens);
}

/** Reverses `tokenize`. Halves of characters become replacement characters. */
export function detokenize(tokens: Iterable<number>): string {
  return decoder.decode(concatBytes(Array.from(tokens, bytesOfToken)));
}

function tokensOfWord(word: string): readonly number[] {
  let tokens = cache.get(word);
  if (tokens !== undefined) return tokens;
  const bytes = encoder.encode(word);
  tokens = mergeBytes(bytes);
  if (cache.size === MOST_CACHED) cache.clear();
  // `word` itself may be a slice that keeps all of a long text in memory.
  cache.set(decoder.decode(bytes), tokens);
  return tokens;
}

/** Merges neighbours, always the pair that the vocabulary learned first. */
function mergeBytes(bytes: Uint8Array): readonly number[] {
  const tokens = [...bytes];
  const merged = tokens.map((token, at) => merge(token, tokens[at + 1] ?? NaN));
  for (;;) {
    let at = 0;
    for (let index = 1; index < merged.length; index++) {
      if (merged[index]! < merged[at]!) at = index;
    }
    const token = merged[at]!;
    if (token === Infinity) return tokens;
    tokens.splice(at, 2, token);
    merged.splice(at, 1);
    merged[at] = merge(token, tokens[at + 1] ?? NaN);
    if (at > 0) merged[at - 1] = merge(tokens[at - 1]!, token);
  }
}

/** Concatenates token arrays. */
export function joinTokens(parts: readonly Uint32Array[]): Uint32Array {
  const joined = new Uint32Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
