const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Cuts text into tokens of four UTF-8 bytes each. The token id is those bytes as a number. A text
 * and its continuation have the same tokens up to the end of the shorter text.
 */
export function tokenize(text: string): Uint32Array {
  const bytes = encoder.encode(text);
  const tokens = new Uint32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(tokens.buffer).set(bytes);
  return tokens;
}

/** Reverses `tokenize`. */
export function detokenize(tokens: Iterable<number>): string {
  const bytes = new Uint8Array(Uint32Array.from(tokens).buffer);
  return decoder.decode(bytes.filter((byte) => byte !== 0));
}

/** Returns the bytes of one token. */
export function bytesOfToken(token: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(token).buffer).filter((byte) => byte !== 0);
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
