import { METRICS_PATH } from "../vllm/endpoints.ts";

const MIB = 1024 * 1024;
/** Enough for about a hundred engines. */
const MOST_MIB_OF_METRICS = 4;
/** Enough for a thousand models. */
const MOST_MIB_OF_OTHERS = 1;
/** Most pages fit into this. */
const FIRST_BYTES = 64 * 1024;
/**
 * Size and number of the buffers that are kept for further pages. New buffers for each page would
 * take gigabytes a minute with hundreds of servers.
 */
const MOST_SPARE_BYTES = 4 * FIRST_BYTES;
const MOST_SPARE = 16;
const spare: Uint8Array<ArrayBuffer>[] = [];

/**
 * Reads the body of a server's page, up to the limit for its path. It is never decompressed: a few
 * kilobytes can unpack to gigabytes.
 *
 * @param signal drops the connection when it aborts
 * @throws {Error} with the reason if the page is compressed or exceeds its limit; the connection is
 *   then dropped
 */
export async function readPage(
  { body, headers }: Response,
  path: string,
  signal: AbortSignal,
): Promise<string> {
  if (!body) return "";
  const reader = body.getReader({ mode: "byob" });
  // After the head, a garbage collection may break the link between the fetch's signal and its body.
  const drop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", drop);
  try {
    const encoding = headers.get("content-encoding") ?? "identity";
    if (encoding !== "identity") throw new Error(`${path} is compressed`);
    const { room, length } = await readToEnd(reader, path, signal);
    const text = new TextDecoder().decode(room.subarray(0, length));
    if (room.length <= MOST_SPARE_BYTES && spare.length < MOST_SPARE) spare.push(room);
    return text;
  } finally {
    signal.removeEventListener("abort", drop);
    drop();
  }
}

async function readToEnd(
  reader: ReadableStreamBYOBReader,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly room: Uint8Array<ArrayBuffer>; readonly length: number }> {
  const mostMib = path.endsWith(METRICS_PATH) ? MOST_MIB_OF_METRICS : MOST_MIB_OF_OTHERS;
  const mostBytes = mostMib * MIB;
  let room = spare.pop() ?? new Uint8Array(FIRST_BYTES);
  let length = 0;
  while (true) {
    const { value, done } = await reader.read(room.subarray(length));
    signal.throwIfAborted();
    // A BYOB read detaches the buffer and returns it in `value`.
    if (value) room = new Uint8Array(value.buffer);
    if (done) return { room, length };
    length += value.length;
    if (length > mostBytes) throw new Error(`${path} is larger than ${mostMib} MiB`);
    if (length < room.length) continue;
    const larger = new Uint8Array(Math.min(4 * length, mostBytes + 1));
    larger.set(room);
    room = larger;
  }
}
