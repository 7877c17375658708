import { peakKilobytes, residentKilobytes, sleep } from "../../support/processes.ts";
import { startRouter } from "../proxies/router.ts";

/** Concurrent uploads and their size: together far more than the limit. */
export const UPLOADS = 40;
const UPLOAD_BYTES = 60_000_000;
/** Number of uploads that fit into the limit. */
export const WAITING = 8;
/** The default of `body_buffer_mib`. */
const ROOM_KILOBYTES = 512 * 1024;
/** Uploads that declare 64 KiB and send almost nothing. */
export const STALLED = 1_000;
/** Unread answers of 1 MB. */
export const UNREAD = 1_500;
const LARGE_ANSWER = new Uint8Array(1_000_000).fill(0x20);
const SETTLED_MS = 2_000;
const PIECE = new Uint8Array(256 * 1024).fill(0x20);
const FIRST = new TextEncoder().encode("{");
const LAST = new TextEncoder().encode("}");

/** Memory that a router uses for unfinished uploads and unread answers. */
export interface Holding {
  /** Peak growth while uploads fill the limit for buffered bytes, as a multiple of it. */
  readonly arriving: number;
  /** Peak growth with bodies waiting for a server's answer, as a multiple of their size. */
  readonly waiting: number;
  /** Peak growth with unread answers, as a multiple of the limit. */
  readonly unread: number;
  /** KB per stalled upload, including its connection. */
  readonly stalledKilobytes: number;
}

/** Measures each figure with a new router. */
export async function measureHolding(folder: string): Promise<Holding> {
  const ending = new AbortController();
  using _ = { [Symbol.dispose]: () => ending.abort() };
  const server = silentServer(ending.signal);
  return {
    arriving: await growth(UPLOADS, UPLOAD_BYTES - 1) / ROOM_KILOBYTES,
    waiting: await growth(WAITING, UPLOAD_BYTES) / (WAITING * UPLOAD_BYTES / 1024),
    unread: await whileOpen(UNREAD, 2, 2, peakKilobytes, "/v1/embeddings") / ROOM_KILOBYTES,
    stalledKilobytes: await whileOpen(STALLED, 65_536, 12, residentKilobytes) / STALLED,
  };

  async function growth(uploads: number, sentBytes: number): Promise<number> {
    return await whileOpen(uploads, UPLOAD_BYTES, sentBytes, peakKilobytes);
  }

  /** Returns the growth of a router, in KB, with uploads of which only `sentBytes` are sent. */
  async function whileOpen(
    uploads: number,
    toldBytes: number,
    sentBytes: number,
    kilobytes: (pid: number) => number,
    path = "/v1/completions",
  ): Promise<number> {
    await using process = await startRouter({ upstream: server.addr.port, folder });
    await sleep(SETTLED_MS);
    const before = residentKilobytes(process.pid);
    const connections = await Promise.all(
      Array.from({ length: uploads }, () => upload(process.port, toldBytes, sentBytes, path)),
    );
    await sleep(SETTLED_MS);
    const grown = kilobytes(process.pid) - before;
    for (const connection of connections) closeQuietly(connection);
    return grown;
  }
}

/** Reads all bodies. Answers embeddings with 1 MB and checks briefly; never answers the rest. */
function silentServer(signal: AbortSignal): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, signal, onListen() {} }, async (request) => {
    if (request.method !== "POST") return new Response('{"data":[{"id":"m"}]}');
    await request.body!.pipeTo(new WritableStream()).catch(() => {});
    if (request.url.endsWith("/v1/embeddings")) {
      return new Response(LARGE_ANSWER, { headers: { "content-type": "application/json" } });
    }
    return new Promise<Response>(() => {});
  });
}

/** Declares a body and sends `bytes` of it, or as much as the router accepts. */
async function upload(
  port: number,
  toldBytes: number,
  bytes: number,
  path: string,
): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${toldBytes}\r\n\r\n`;
  // An answer means that the limit is reached; the router may then stop reading.
  const answered = connection.read(new Uint8Array(1)).catch(() => {});
  await Promise.race([answered, send().catch(() => {})]);
  return connection;

  async function send(): Promise<void> {
    await connection.write(new TextEncoder().encode(head));
    // An object of only white space between its braces.
    for (let sent = 0; sent < bytes;) {
      const piece = sent === 0 ? FIRST : sent === toldBytes - 1 ? LAST : PIECE;
      const most = Math.max(1, Math.min(bytes, toldBytes - 1) - sent);
      sent += await connection.write(piece.subarray(0, most));
    }
  }
}

function closeQuietly(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // Already closed.
  }
}
