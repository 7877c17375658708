const encoder = new TextEncoder();

/** Encodes a chunk in one pass: reserves room for the size prefix, then trims what is unused. */
export function encodeChunk(text: string): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(`        \r\n${text}\r\n`);
  const size = (bytes.length - 12).toString(16);
  for (let index = 0; index < size.length; index++) {
    bytes[8 - size.length + index] = size.charCodeAt(index);
  }
  return bytes.subarray(8 - size.length);
}

/** Frames bytes as a chunk; see `encodeChunk`. */
export function frameChunk(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = encoder.encode(`${bytes.length.toString(16)}\r\n`);
  const framed = new Uint8Array(size.length + bytes.length + 2);
  framed.set(size);
  framed.set(bytes, size.length);
  framed.set([13, 10], size.length + bytes.length);
  return framed;
}
