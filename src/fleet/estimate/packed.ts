/** Packs 32-bit integers into base64. */
export function packed(numbers: readonly number[]): string {
  return new Uint8Array(Int32Array.from(numbers).buffer).toBase64();
}

/**
 * Unpacks 32-bit integers from base64, at most the first `most`; `undefined` if the text isn't base64,
 * or its length isn't that of whole integers.
 */
export function unpacked(text: string, most: number): readonly number[] | undefined {
  const bytes = bytesOf(text);
  if (bytes === undefined || bytes.length % 4 !== 0) return undefined;
  return Array.from(new Int32Array(bytes.buffer, 0, Math.min(most, bytes.length / 4)));
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    return undefined;
  }
}
