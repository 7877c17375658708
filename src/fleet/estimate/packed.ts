/** Packs 32-bit integers into base64. */
export function packed(numbers: readonly number[]): string {
  return new Uint8Array(Int32Array.from(numbers).buffer).toBase64();
}

/**
 * Returns the 32-bit integers that were packed into base64, at most this many from their beginning;
 * `undefined` if it is no base64 of whole integers.
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
