import type { ResponseHead, Upstream } from "../upstream.ts";
import type { Head } from "../exchange.ts";
import { type ChunkedScan, decodeChunked, newChunkedScan } from "./chunked.ts";
import { readHead } from "./fields.ts";
import { newHeadScan, scanHead } from "./head_scan.ts";
import { frameOf, wholeFrame, writeAll } from "./output.ts";
import {
  BadResponse,
  type ParsedResponseHead,
  readResponseHead,
  RESPONSE_FAULTS,
} from "./response_head.ts";
import { fieldLines } from "./response_text.ts";
import type { ServerConnection, ServerPool } from "./server_pool.ts";

/** One POST to one server. */
export interface OwnRequest {
  readonly pool: ServerPool;
  /** The server's host and port, for `host`. */
  readonly host: string;
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
export function openOwn(request: OwnRequest): Upstream {
  const connecting = new AbortController();
  let pending: OwnRequest | undefined = request;
  const { pool } = request;
  let connection: ServerConnection | undefined;
  let isClosed = false;
  let isWritten = false;
  let hasHeard = false;
  let answer: ParsedResponseHead | undefined;
  let chunked: ChunkedScan | undefined;
  /** Bytes of the body that are yet to come; `Infinity` if only its end tells. */
  let left = Infinity;
  let isOver = false;
  /** What the next read rejects with. */
  let fault: unknown;

  function send(to: ServerConnection, { host, path, headers, body }: OwnRequest): void {
    const text = `POST ${path} HTTP/1.1\r\nhost: ${host}\r\n${
      fieldLines(headers)
    }content-length: ${body.length}\r\n\r\n`;
    const isSmall = text.length + body.length <= ONE_WRITE;
    const written = isSmall
      ? writeAll(to.socket, frameOf(text, body))
      : writeAll(to.socket, frameOf(text, undefined))
        .then(() => writeAll(to.socket, wholeFrame(body)));
    // A server may answer before it has read all, and close: its answer counts.
    written.then(() => void (isWritten = true), () => {});
  }

  async function ask(over: ServerConnection, request: OwnRequest): Promise<ResponseHead> {
    connection = over;
    send(over, request);
    for (let i = 0; i <= MOST_INTERIM; i++) {
      const head = await headFrom(over);
      if (head.status === 101) break;
      if (head.status >= 200) return begin(head);
    }
    throw new BadResponse("the answer never begins");
  }

  async function headFrom({ input }: ServerConnection): Promise<ParsedResponseHead> {
    const scan = newHeadScan();
    for (;;) {
      const whole = scanHead(scan, input.bytes, input.from, input.to, LIMITS);
      if (typeof whole === "string") throw new BadResponse(RESPONSE_FAULTS[whole]);
      if (whole) break;
      if (!await input.fill()) throw new EndedEarly("connection closed before message completed");
      hasHeard = true;
    }
    const head = readResponseHead(readHead(scan, input.bytes, input.from));
    input.take(scan.at);
    return head;
  }

  function begin(head: ParsedResponseHead): ResponseHead {
    answer = head;
    if (head.framing === "chunked") chunked = newChunkedScan();
    else if (head.framing !== "until_close") left = head.framing;
    isOver = left === 0;
    return { status: head.status, headers: head.fields };
  }

  /** Takes what has arrived of the body; `undefined` if that was framing only. */
  function take({ input }: ServerConnection): Uint8Array<ArrayBuffer> | undefined {
    if (!chunked) {
      const taken = input.take(Math.min(left, input.length));
      left -= taken.length;
      isOver = left === 0;
      return taken;
    }
    const { bytes, from } = input;
    try {
      isOver = decodeChunked(chunked, bytes, from, input.to);
      input.take(chunked.used);
    } catch (error) {
      if (chunked.data === 0) throw error;
      // What came before the fault is passed on first.
      fault = error;
    }
    return chunked.data > 0 ? bytes.subarray(from, from + chunked.data) : undefined;
  }

  /** Gives the connection back, or closes it if it can't be used again. */
  function finish(): undefined {
    if (!connection) return;
    const { input, socket } = connection;
    if (answer!.keepsAlive && isWritten && input.length === 0 && !isClosed) pool.give(connection);
    else socket.close();
    connection = undefined;
  }

  return {
    async head() {
      const request = pending!;
      // What stays here stays as long as the answer streams.
      pending = undefined;
      const idle = pool.take();
      if (idle) {
        const startedAt = performance.now();
        try {
          return await ask(idle, request);
        } catch (error) {
          idle.socket.close();
          const isStale = !hasHeard && performance.now() - startedAt < IDLE_RESET_MS;
          if (isClosed || !isStale) throw error;
        }
      }
      const fresh = await pool.connect(connecting.signal);
      if (isClosed) fresh.socket.close();
      return await ask(fresh, request);
    },
    async read() {
      if (fault) throw fault;
      while (connection && !isOver) {
        const { input } = connection;
        if (input.length === 0 && !await input.fill()) {
          if (answer!.framing !== "until_close") {
            throw new EndedEarly("the connection ended within the answer");
          }
          isOver = true;
          break;
        }
        const bytes = take(connection);
        if (bytes) return bytes;
      }
      return finish();
    },
    close() {
      isClosed = true;
      connecting.abort();
      connection?.socket.close();
      connection = undefined;
    },
  };
}
