const encoder = new TextEncoder();

/** A chunk with its size in front, in one encoding: room for the size is made first, then cut. */
export function encodeChunk(text: string): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(`        \r\n${text}\r\n`);
  const size = (bytes.length - 12).toString(16);
  for (let index = 0; index < size.length; index++) {
    bytes[8 - size.length + index] = size.charCodeAt(index);
  }
  return bytes.subarray(8 - size.length);
}

/** As `encodeChunk`, of what is bytes already. */
export function frameChunk(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = encoder.encode(`${bytes.length.toString(16)}\r\n`);
  const framed = new Uint8Array(size.length + bytes.length + 2);
  framed.set(size);
  framed.set(bytes, size.length);
  framed.set([13, 10], size.length + bytes.length);
  return framed;
}
