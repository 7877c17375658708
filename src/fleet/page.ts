const MIB = 1024 * 1024;
/** Room for some hundred engines, and for the thousand models that are taken. */
const MOST_MIB: { readonly [path: string]: number } = { "/metrics": 4, "/v1/models": 1 };
/** Of other pages only the status counts. */
const MOST_MIB_OF_OTHERS = 1;
/** Most pages fit in it. */
const FIRST_BYTES = 64 * 1024;

/**
 * Reads a server's page to its end and drops the connection of one that has none. A page is never
 * decompressed: a few kilobytes can unpack to gigabytes.
 *
 * @param signal drops the connection
 * @throws {Error} that says why, where the page is compressed or larger than its kind may be
 */
export async function readPage(
  { body, headers }: Response,
  path: string,
  signal: AbortSignal,
): Promise<string> {
  if (!body) return "";
  const reader = body.getReader({ mode: "byob" });
  // A garbage collection may cut the signal's link to the body once the head is here.
  const drop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", drop);
  try {
    const encoding = headers.get("content-encoding") ?? "identity";
    if (encoding !== "identity") throw new Error(`${path} is compressed`);
    return new TextDecoder().decode(await readToEnd(reader, path, signal));
  } finally {
    signal.removeEventListener("abort", drop);
    drop();
  }
}

async function readToEnd(
  reader: ReadableStreamBYOBReader,
  path: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const mostMib = MOST_MIB[path] ?? MOST_MIB_OF_OTHERS;
  const mostBytes = mostMib * MIB;
  let room = new Uint8Array(FIRST_BYTES);
  let length = 0;
  while (true) {
    const { value, done } = await reader.read(room.subarray(length));
    signal.throwIfAborted();
    // A read takes the buffer and gives it back.
    if (value) room = new Uint8Array(value.buffer);
    if (done) return room.subarray(0, length);
    length += value.length;
    if (length > mostBytes) throw new Error(`${path} is larger than ${mostMib} MiB`);
    if (length < room.length) continue;
    const larger = new Uint8Array(Math.min(4 * length, mostBytes + 1));
    larger.set(room);
    room = larger;
  }
}
