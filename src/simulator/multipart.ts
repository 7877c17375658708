const latin1 = new TextDecoder("latin1");

/** The fields of a multipart form, by name; of several with one name the last. */
export function parseMultipart(
  body: Uint8Array,
  boundary: string,
): Map<string, Uint8Array> {
  // As Latin-1 every byte is one character, so that positions in text and bytes agree.
  const text = latin1.decode(body);
  const mark = `--${boundary}`;
  const fields = new Map<string, Uint8Array>();
  let start = text.indexOf(mark);
  while (start >= 0) {
    const end = text.indexOf(`\r\n${mark}`, start);
    const headEnd = text.indexOf("\r\n\r\n", start);
    if (end < 0 || headEnd < 0) break;
    const name = /\bname="([^"]*)"/.exec(text.slice(start, headEnd))?.[1];
    if (name !== undefined) fields.set(name, body.subarray(headEnd + 4, end));
    start = end + 2;
  }
  return fields;
}
