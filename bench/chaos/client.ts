import type { Asking, Leaving } from "./asking.ts";
import { bodyReader, headOf } from "./framing.ts";

/** What came back for a request. Times are those of `performance.now`. */
export interface Got {
  /** Undefined where no head came. */
  readonly status: number | undefined;
  readonly headers: ReadonlyMap<string, string>;
  /** As far as it came, without its framing. */
  readonly body: string;
  /** `left` and `given up` when it was the client that ended it, as it wanted or had to. */
  readonly ended: "clean" | "broken" | "left" | "given up";
  readonly sentAt: number;
  readonly endedAt: number;
}

/** No answer takes as long, whatever befalls its servers. */
export const PATIENCE_MS = 30_000;
const READ_BYTES = 16 * 1024;
const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");

/** A client with a connection of its own, which it keeps as long as its answers end cleanly. */
export class Client {
  readonly #port: number;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #tcp: Deno.TcpConn | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends a request and follows its answer to the end, or leaves as it is told to. */
  async ask(asking: Pick<Asking, "id" | "body" | "leaving">): Promise<Got> {
    const tcp = this.#tcp ??= await Deno.connect({ hostname: "127.0.0.1", port: this.#port });
    const { leaving } = asking;
    const sentAt = performance.now();
    let head: ReturnType<typeof headOf> | undefined;
    let text = "";
    let gone: "left" | "given up" | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = setTimeout(() => leave("given up"), PATIENCE_MS);
    let read: ReturnType<typeof bodyReader> | undefined;
    const leave = (how: "left" | "given up" = "left") => {
      gone ??= how;
      this.close();
    };
    const over = (ended: "clean" | "broken"): Got => {
      clearTimeout(timer);
      clearTimeout(patience);
      if (ended === "broken" || head?.headers.get("connection") === "close") this.close();
      return {
        status: head?.status,
        headers: head?.headers ?? new Map(),
        body: read?.body() ?? "",
        ended: gone ?? ended,
        sentAt,
        endedAt: performance.now(),
      };
    };
    try {
      const bytes = requestBytes(asking);
      const uploading = leaving?.stage === "uploading";
      await writeAll(tcp, uploading ? bytes.subarray(0, bytes.length - 20) : bytes);
      if (uploading) leave();
      if (leaving?.stage === "waiting") timer = setTimeout(leave, leaving.ms);
      while (true) {
        const length = await tcp.read(this.#buffer);
        if (length === null) return over("broken");
        const came = latin1.decode(this.#buffer.subarray(0, length));
        if (read) read.take(came);
        else {
          text += came;
          head = headOf(text);
          if (!head) continue;
          read = bodyReader(head.headers);
          read.take(text.slice(head.length));
        }
        // Whoever has the whole answer has nothing left to leave.
        if (read.isWhole()) return over("clean");
        if (leavesAt(leaving, read.body())) leave();
      }
    } catch {
      return over("broken");
    }
  }

  close(): void {
    const tcp = this.#tcp;
    this.#tcp = undefined;
    try {
      tcp?.close();
    } catch { /* closed already */ }
  }
}

function leavesAt(leaving: Leaving | undefined, body: string): boolean {
  if (leaving?.stage === "head") return true;
  if (leaving?.stage !== "streaming") return false;
  return body.split("\n\n").length > leaving.events;
}

function requestBytes({ id, body }: Pick<Asking, "id" | "body">): Uint8Array {
  const bytes = encoder.encode(body);
  const head = "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n" +
    `content-type: application/json\r\nx-request-id: ${id}\r\ncontent-length: ${bytes.length}\r\n\r\n`;
  return encoder.encode(head + body);
}

async function writeAll(tcp: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await tcp.write(bytes.subarray(sent));
}
