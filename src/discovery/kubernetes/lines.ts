import { GrowingBytes } from "../../util/growing_bytes.ts";

const NEWLINE = 0x0a;
const MIB = 1024 * 1024;

/**
 * Yields the lines of a body, without empty ones. The connection is closed when the caller stops or
 * the signal aborts, which ends the lines.
 *
 * @throws {RangeError} at a line that is longer than `maxBytes`
 * @throws what reading throws if the connection breaks off
 */
export async function* linesOf(
  { body }: Response,
  maxBytes: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const line = new GrowingBytes();
  const take = () => {
    const text = new TextDecoder().decode(line.first()).trim();
    line.clear();
    return text;
  };
  for await (const bytes of piecesOf(body, signal)) {
    let start = 0;
    while (start < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline < 0 ? bytes.length : newline;
      if (line.length + end - start > maxBytes) {
        throw new RangeError(`it has a line of more than ${maxBytes / MIB} MiB`);
      }
      line.append(bytes.subarray(start, end));
      start = end + 1;
      if (newline < 0) continue;
      const text = take();
      if (text !== "") yield text;
    }
  }
  const rest = take();
  if (rest !== "" && !signal.aborted) yield rest;
}

/**
 * Reads a whole body.
 *
 * @throws {RangeError} if it is longer than `maxBytes`
 * @throws what reading throws if the connection breaks off or the signal aborts
 */
export async function textOf(
  { body }: Response,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string> {
  const whole = new GrowingBytes();
  for await (const bytes of piecesOf(body, signal)) {
    if (whole.length + bytes.length > maxBytes) {
      throw new RangeError(`it has more than ${maxBytes / MIB} MiB`);
    }
    whole.append(bytes);
  }
  signal.throwIfAborted();
  return new TextDecoder().decode(whole.first());
}

async function* piecesOf(
  body: Response["body"],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (!body) return;
  const reader = body.getReader();
  // After the head, a garbage collection may break the link between the fetch's signal and its body.
  const drop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", drop);
  try {
    while (!signal.aborted) {
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", drop);
    drop();
  }
}
