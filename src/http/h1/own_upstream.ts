import type { ResponseHead, Upstream } from "../upstream.ts";
import type { Head } from "../exchange.ts";
import type { Input } from "./input.ts";
import { type ChunkedScan, decodeChunked, newChunkedScan } from "./chunked.ts";
import { readHead } from "./fields.ts";
import { newHeadScan, scanHead } from "./head_scan.ts";
import { frameOf, wholeFrame, writeFrame } from "./output.ts";
import {
  BadResponse,
  type ParsedResponseHead,
  readResponseHead,
  RESPONSE_FAULTS,
} from "./response_head.ts";
import { fieldLines } from "./response_text.ts";
import type { Connecting, ServerConnection, ServerPool } from "./server_pool.ts";

/** One request to one server. */
export interface OwnRequest {
  readonly pool: ServerPool;
  /** The server's host and port, for `host`. */
  readonly host: string;
  readonly method: "GET" | "POST";
  /** The path, with its query. */
  readonly path: string;
  readonly headers: Head;
  readonly body: Uint8Array<ArrayBuffer>;
}

const LIMITS = { maxBytes: 64 * 1024, maxFields: 500 };
/** Interim answers such as `100 Continue` before the answer. */
const MOST_INTERIM = 20;
/** A request up to this size is sent in one write. */
const ONE_WRITE = 16 * 1024;
/** A connection that breaks later than this had not been idle for too long. */
const IDLE_RESET_MS = 1_000;

/** The server ended the connection before its answer was whole. */
class EndedEarly extends Error {
  override name = "EndedEarly";
}

/**
 * An upstream over a connection of our own. One that had been idle and breaks before anything came
 * may have been closed by the server at that moment: the server is asked again over a new one.
 */
export class OwnUpstream implements Upstream {
  readonly #pool: ServerPool;
  /** Until it is sent: what stays here stays as long as the answer streams. */
  #request: OwnRequest | undefined;
  #connecting: Connecting | undefined;
  #connection: ServerConnection | undefined;
  #isClosed = false;
  #isWritten = false;
  #hasHeard = false;
  #answer: ParsedResponseHead | undefined;
  #chunked: ChunkedScan | undefined;
  /** Bytes of the body that are yet to come; `Infinity` if only its end tells. */
  #left = Infinity;
  #isOver = false;
  /** What the next read rejects with. */
  #fault: unknown;

  constructor(request: OwnRequest) {
    this.#request = request;
    this.#pool = request.pool;
  }

  async head(): Promise<ResponseHead> {
    const request = this.#request!;
    this.#request = undefined;
    // Its client may have left before it was sent.
    if (this.#isClosed) throw new EndedEarly("the connection was dropped");
    const idle = this.#pool.take();
    if (idle) {
      const startedAt = performance.now();
      try {
        return await this.#ask(idle, request);
      } catch (error) {
        idle.socket.close();
        const isStale = !this.#hasHeard && performance.now() - startedAt < IDLE_RESET_MS;
        if (this.#isClosed || !isStale) throw error;
      }
    }
    this.#connecting = this.#pool.connect();
    const fresh = await this.#connecting.connection.finally(() => this.#connecting = undefined);
    if (this.#isClosed) {
      fresh.socket.close();
      throw new EndedEarly("the connection was dropped");
    }
    return await this.#ask(fresh, request);
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#fault) throw this.#fault;
    while (this.#connection && !this.#isOver) {
      const { input } = this.#connection;
      if (input.length === 0 && !await input.fill()) {
        if (this.#answer!.framing !== "until_close") {
          throw new EndedEarly("the connection ended within the answer");
        }
        break;
      }
      const bytes = this.#take(input);
      if (bytes) return bytes;
    }
    this.#finish();
    return undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#connecting?.giveUp();
    this.#connection?.socket.close();
    this.#connection = undefined;
  }

  async #ask(connection: ServerConnection, request: OwnRequest): Promise<ResponseHead> {
    this.#connection = connection;
    this.#send(connection, request);
    for (let i = 0; i <= MOST_INTERIM; i++) {
      const head = await this.#headFrom(connection.input);
      if (head.status === 101) break;
      if (head.status >= 200) return this.#begin(head);
    }
    throw new BadResponse("the answer never begins");
  }

  #send({ socket }: ServerConnection, request: OwnRequest): void {
    const { method, path, host, headers, body } = request;
    const length = method === "GET" ? "" : `content-length: ${body.length}\r\n`;
    const text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${
      fieldLines(headers)
    }${length}\r\n`;
    const written = text.length + body.length <= ONE_WRITE
      ? writeFrame(socket, frameOf(text, body))
      : writeFrame(socket, frameOf(text, undefined)).then(() =>
        writeFrame(socket, wholeFrame(body))
      );
    // A server may answer before it has read all, and close: its answer counts.
    written.then(() => void (this.#isWritten = true), () => {});
  }

  async #headFrom(input: Input): Promise<ParsedResponseHead> {
    const scan = newHeadScan();
    for (;;) {
      const whole = scanHead(scan, input.bytes, input.from, input.to, LIMITS);
      if (typeof whole === "string") throw new BadResponse(RESPONSE_FAULTS[whole]);
      if (whole) break;
      if (!await input.fill()) throw new EndedEarly("connection closed before message completed");
      this.#hasHeard = true;
    }
    const head = readResponseHead(readHead(scan, input.bytes, input.from));
    input.take(scan.at);
    return head;
  }

  #begin(head: ParsedResponseHead): ResponseHead {
    this.#answer = head;
    if (head.framing === "chunked") this.#chunked = newChunkedScan();
    else if (head.framing !== "until_close") this.#left = head.framing;
    this.#isOver = this.#left === 0;
    return { status: head.status, headers: head.fields };
  }

  /** Takes what has arrived of the body; `undefined` if that was framing only. */
  #take(input: Input): Uint8Array<ArrayBuffer> | undefined {
    if (!this.#chunked) {
      const taken = input.take(Math.min(this.#left, input.length));
      this.#left -= taken.length;
      this.#isOver = this.#left === 0;
      return taken;
    }
    const { bytes, from, to } = input;
    try {
      this.#isOver = decodeChunked(this.#chunked, bytes, from, to);
      input.take(this.#chunked.used);
    } catch (error) {
      if (this.#chunked.data === 0) throw error;
      // What came before the fault is passed on first.
      this.#fault = error;
    }
    const { data } = this.#chunked;
    return data > 0 ? bytes.subarray(from, from + data) : undefined;
  }

  /** Gives the connection back, or closes it if it can't be used again. */
  #finish(): void {
    const connection = this.#connection;
    if (!connection) return;
    this.#connection = undefined;
    const isReusable = this.#isOver && this.#isWritten && this.#answer!.keepsAlive &&
      connection.input.length === 0;
    if (isReusable) this.#pool.give(connection);
    else connection.socket.close();
  }
}
