import { Buffer } from "node:buffer";
import { sleep } from "../support/processes.ts";
import type { Asking, Leaving } from "./asking.ts";
import type { Balancer } from "./balancer.ts";
import { bodyReader, headOf } from "./framing.ts";

/** What a client received for a request. Times are on the clock of `performance.now`. */
export interface Got {
  /** Undefined if no head arrived. */
  readonly status: number | undefined;
  readonly headers: ReadonlyMap<string, string>;
  /** The body received, without its framing. */
  readonly body: string;
  /** `left` and `given up` if the client ended it, on purpose or after {@linkcode PATIENCE_MS}. */
  readonly ended: "clean" | "broken" | "left" | "given up";
  readonly sentAt: number;
  readonly endedAt: number;
  /** The port of the router that it was sent to. */
  readonly port: number;
}

/** Longer than any answer takes, whatever happens to its servers. */
export const PATIENCE_MS = 30_000;
const READ_BYTES = 16 * 1024;
const encoder = new TextEncoder();

/** Attempts to connect, 20 ms apart. */
const CONNECTS = 250;
const CONNECT_EVERY_MS = 20;

/** Where a client sends its requests. */
export type Routers = Pick<Balancer, "choose" | "refused">;

/**
 * A client with its own connection, which it keeps as long as answers end cleanly and the router
 * doesn't close it.
 */
export class Client {
  readonly #routers: Routers;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #tcp: Deno.TcpConn | undefined;
  #port = 0;
  /** The read that notices while the connection is idle that it was closed. */
  #reading: Promise<number | null> | undefined;

  constructor(routers: Routers) {
    this.#routers = routers;
  }

  /** Sends a request and reads its answer to the end, or disconnects as the request says. */
  async ask(asking: Pick<Asking, "id" | "body" | "leaving">): Promise<Got> {
    const tcp = this.#tcp ??= await this.#connect();
    const port = this.#port;
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
      else if (this.#tcp === tcp) this.#watch(tcp);
      return {
        status: head?.status,
        headers: head?.headers ?? new Map(),
        body: utf8Of(read?.body() ?? ""),
        ended: gone ?? ended,
        sentAt,
        endedAt: performance.now(),
        port,
      };
    };
    try {
      const bytes = requestBytes(asking);
      const uploading = leaving?.stage === "uploading";
      await writeAll(tcp, uploading ? bytes.subarray(0, bytes.length - 20) : bytes);
      if (uploading) leave();
      if (leaving?.stage === "waiting") timer = setTimeout(leave, leaving.ms);
      while (true) {
        const length = await (this.#reading ?? tcp.read(this.#buffer));
        this.#reading = undefined;
        if (length === null) return over("broken");
        const came = Buffer.from(this.#buffer.subarray(0, length)).toString("latin1");
        if (read) read.take(came);
        else {
          text += came;
          head = headOf(text);
          if (!head) continue;
          read = bodyReader(head.headers);
          read.take(text.slice(head.length));
        }
        // A client with the whole answer can't disconnect early any more.
        if (read.isWhole()) return over("clean");
        if (leavesAt(leaving, read.body())) leave();
      }
    } catch {
      return over("broken");
    }
  }

  async #connect(): Promise<Deno.TcpConn> {
    for (let left = CONNECTS;; left--) {
      this.#port = this.#routers.choose();
      try {
        return await Deno.connect({ hostname: "127.0.0.1", port: this.#port });
      } catch (error) {
        if (left === 0 || !(error instanceof Deno.errors.ConnectionRefused)) throw error;
        this.#routers.refused(this.#port);
        await sleep(CONNECT_EVERY_MS);
      }
    }
  }

  /** Closes the connection if the router does. */
  #watch(tcp: Deno.TcpConn): void {
    const reading = tcp.read(this.#buffer).catch(() => null);
    this.#reading = reading;
    reading.then((length) => {
      if (length === null && this.#tcp === tcp) this.close();
    });
  }

  close(): void {
    const tcp = this.#tcp;
    this.#tcp = this.#reading = undefined;
    try {
      tcp?.close();
    } catch { /* closed already */ }
  }
}

/** Reads as UTF-8 what was read byte by byte. */
function utf8Of(text: string): string {
  return Buffer.from(text, "latin1").toString("utf8");
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
