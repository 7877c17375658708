/** A text's tokens, as a server's `/tokenize` gives them. */
export interface Tokens {
  readonly ids: readonly number[];
  /** The vocabulary's name of each. With byte-level vocabularies a character stands for a byte. */
  readonly names: readonly string[];
}

/** Asks a server for the tokens of a text; `undefined` if it doesn't tell. */
export type Tokenize = (text: string) => Promise<Tokens | undefined>;

/** This many events are tokenized by themselves at most. */
const MOST_ALONE = 64;

const encoder = new TextEncoder();
const bytesOf = (text: string) => encoder.encode(text).length;

/**
 * Finds the tokens of which a server has made these texts, one event each. A server sends an event
 * for each token; one for several if they share a character, or if it is slow to send. Where the
 * vocabulary splits the whole text at other places than the events, the model has chosen tokens that
 * a tokenizer would not: each of these events is then looked up by itself, and must be one token.
 *
 * @returns `undefined` unless the tokens are certain
 */
export async function tokensOfParts(
  parts: readonly string[],
  tokenize: Tokenize,
): Promise<readonly number[] | undefined> {
  const text = parts.join("");
  // Bytes that are no character have become this one. Halves of a character in two events have
  // other lengths than the whole.
  if (text.includes("\ufffd") || !parts.every((part) => part.isWellFormed())) return undefined;
  const whole = await tokenize(text);
  if (!whole) return undefined;
  const { ids, names } = whole;
  const lengths = names.map((name) => [...name].length);
  const isByteLevel = lengths.reduce((sum, length) => sum + length, 0) === bytesOf(text);
  if (!isByteLevel) return ids.length === parts.length ? ids : undefined;
  const found: number[] = [];
  let alone = 0;
  for (const [someParts, someTokens] of commonStretches(parts.map(bytesOf), lengths)) {
    const some = parts.slice(...someParts);
    if (some.length === 1 && shareCharacters(some[0]!, lengths.slice(...someTokens))) {
      found.push(...ids.slice(...someTokens));
      continue;
    }
    for (const part of some) {
      const tokens = ++alone > MOST_ALONE ? undefined : (await tokenize(part))?.ids;
      if (tokens?.length !== 1) return undefined;
      found.push(...tokens);
    }
  }
  return found;
}

/** Whether tokens of these lengths in bytes end within characters of the text, but for the last. */
function shareCharacters(text: string, lengths: readonly number[]): boolean {
  const bytes = encoder.encode(text);
  let end = 0;
  return lengths.slice(0, -1).every((length) => isContinuation(bytes[end += length]!));
}

/** Whether a byte of UTF-8 isn't the first of its character. */
const isContinuation = (byte: number) => (byte & 0xc0) === 0x80;

type Stretch = readonly [start: number, end: number];

/** Splits two lists of lengths where both have a boundary, into as many stretches as possible. */
function* commonStretches(
  a: readonly number[],
  b: readonly number[],
): Generator<[Stretch, Stretch]> {
  let [i, j, endOfA, endOfB] = [0, 0, 0, 0];
  while (i < a.length) {
    const [startOfA, startOfB] = [i, j];
    endOfA += a[i++]!;
    while (endOfA !== endOfB) {
      if (endOfB < endOfA) endOfB += b[j++]!;
      else endOfA += a[i++]!;
    }
    yield [[startOfA, i], [startOfB, j]];
  }
}
