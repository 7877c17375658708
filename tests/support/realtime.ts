import assert from "node:assert/strict";
import { acceptFor } from "../../src/http/ws/handshake.ts";
import * as frames from "../../src/http/ws/frames.ts";
import { metricsPage, modelsPage } from "./upstream.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A frame that came. */
export interface Frame {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly payload: Uint8Array;
}

/** One end of a connection over which a test reads and writes WebSocket frames itself. */
export class RawEnd implements Disposable {
  readonly conn: Deno.Conn;
  readonly #isClient: boolean;
  #bytes = new Uint8Array();
  #isClosed = false;

  constructor(conn: Deno.Conn, isClient: boolean) {
    this.conn = conn;
    this.#isClient = isClient;
  }

  /** Writes bytes unchanged. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let left = bytes; left.length > 0;) left = left.subarray(await this.conn.write(left));
  }

  /** Writes a frame as this end must. */
  async send(payload: unknown, opcode = frames.TEXT, isLast = true): Promise<void> {
    const bytes = payload instanceof Uint8Array
      ? payload
      : encoder.encode(typeof payload === "string" ? payload : JSON.stringify(payload));
    const mask = this.#isClient ? new Uint8Array([1, 2, 3, 4]) : undefined;
    await this.write(frames.frameBytes(opcode, isLast, bytes, mask));
  }

  /** Reads the head of a request or an answer. */
  async head(): Promise<string> {
    for (;;) {
      const text = decoder.decode(this.#bytes);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#bytes = this.#bytes.subarray(end + 4);
        return text.slice(0, end + 2);
      }
      if (!await this.#more()) return text;
    }
  }

  /** Reads what is left until the connection ends. */
  async rest(): Promise<string> {
    while (await this.#more());
    return decoder.decode(this.#bytes);
  }

  /** Reads the next frame; `undefined` at the end of the connection. */
  async frame(): Promise<Frame | undefined> {
    for (;;) {
      const bytes = this.#bytes;
      const head = frames.readFrameHead(bytes, 0, bytes.length, !this.#isClient);
      assert.ok(!head || !("code" in head), JSON.stringify(head));
      if (head && bytes.length >= head.size + head.length) {
        const { opcode, isLast, size, length } = head;
        const payload = bytes.slice(size, size + length);
        if (!this.#isClient) frames.applyMask(payload, bytes.subarray(size - 4, size), 0);
        this.#bytes = bytes.slice(size + length);
        return { opcode, isLast, payload };
      }
      if (!await this.#more()) return undefined;
    }
  }

  /** Reads the next event, and skips pings and pongs. */
  async event(): Promise<Record<string, unknown>> {
    const frame = await this.#next();
    assert.equal(frame?.opcode, frames.TEXT, frame && decoder.decode(frame.payload));
    return JSON.parse(decoder.decode(frame!.payload));
  }

  /** Reads on to the close, and returns its code; `undefined` if there is none. */
  async closeCode(): Promise<number | undefined> {
    for (;;) {
      const frame = await this.#next();
      if (!frame) return undefined;
      if (frame.opcode !== frames.CLOSE) continue;
      const close = frames.readClose(frame.payload);
      return "fault" in close ? assert.fail(close.fault.reason) : close.code;
    }
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.conn.close();
  }

  async #next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = await this.frame();
      if (!frame || (frame.opcode !== frames.PING && frame.opcode !== frames.PONG)) return frame;
    }
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const count = await this.conn.read(buffer).catch(() => null);
    if (count === null) return false;
    const all = new Uint8Array(this.#bytes.length + count);
    all.set(this.#bytes);
    all.set(buffer.subarray(0, count), this.#bytes.length);
    this.#bytes = all;
    return true;
  }
}

/** A handshake that can be changed line by line. */
export const HANDSHAKE: readonly string[] = [
  "Host: router",
  "Connection: keep-alive, Upgrade",
  "Upgrade: WebSocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/** Connects to a router, sends a handshake and reads the head of the answer. */
export async function connectRaw(
  url: string,
  target = "/v1/realtime",
  lines: readonly string[] = [],
  handshake = HANDSHAKE,
): Promise<RawEnd & { readonly answer: string }> {
  const { hostname, port } = new URL(url);
  const end = new RawEnd(await Deno.connect({ hostname, port: Number(port) }), true);
  const head = [`GET ${target} HTTP/1.1`, ...handshake, ...lines].join("\r\n");
  await end.write(encoder.encode(`${head}\r\n\r\n`));
  return Object.assign(end, { answer: await end.head() });
}

/** A server with the model `m` whose WebSockets are handled by a test. */
export interface RawRealtime extends AsyncDisposable {
  readonly url: string;
  /** The heads of the handshakes so far. */
  readonly handshakes: readonly string[];
  /** Connections that are open. */
  open(): number;
}

/** @param answer what it answers a handshake with. @default it accepts */
export function startRawRealtime(
  handle: (end: RawEnd) => Promise<void>,
  answer?: string,
): RawRealtime {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const handshakes: string[] = [];
  const ends = new Set<RawEnd>();
  const running = new Set<Promise<void>>();
  const stopping = Promise.withResolvers<void>();

  async function serve(end: RawEnd): Promise<void> {
    for (;;) {
      const head = await end.head();
      if (!head.includes("\r\n")) return;
      // A proxy's requests name the host as well.
      const [, path = ""] = /^GET (?:http:\/\/[^/]*)?(\/[^ ?]*)/.exec(head) ?? [];
      if (path !== "/v1/realtime") {
        const page = path === "/v1/models"
          ? modelsPage("m", "other")
          : path === "/metrics"
          ? metricsPage()
          : new Response("");
        const body = await page.text();
        const lines = `content-type: ${page.headers.get("content-type")}\r\n` +
          `content-length: ${encoder.encode(body).length}\r\n\r\n`;
        await end.write(encoder.encode(`HTTP/1.1 200 OK\r\n${lines}${body}`));
        continue;
      }
      handshakes.push(head);
      if (answer !== undefined) return await end.write(encoder.encode(answer));
      const key = /sec-websocket-key: (.*)\r\n/i.exec(head)![1]!;
      await end.write(encoder.encode(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n" +
          `sec-websocket-accept: ${acceptFor(key)}\r\n\r\n`,
      ));
      return await Promise.race([handle(end), stopping.promise]);
    }
  }

  const accepting = (async () => {
    for await (const conn of listener) {
      const end = new RawEnd(conn, false);
      ends.add(end);
      const served = serve(end).catch(() => {}).finally(() => {
        ends.delete(end);
        end[Symbol.dispose]();
      });
      running.add(served);
      void served.then(() => running.delete(served));
    }
  })();

  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    handshakes,
    open: () => ends.size,
    async [Symbol.asyncDispose]() {
      listener.close();
      stopping.resolve();
      await accepting;
      for (const end of ends) end[Symbol.dispose]();
      await Promise.all(running);
    },
  };
}

/** Serves a session as vLLM does, except that it sends each event back as a delta. */
export async function echo(end: RawEnd): Promise<void> {
  await end.send({ type: "session.created", id: "sess-server", created: 1 });
  for (;;) {
    const frame = await end.frame();
    if (!frame) return;
    if (frame.opcode === frames.CLOSE) {
      await end.send(frame.payload, frames.CLOSE);
      return;
    }
    if (frame.opcode === frames.PING) await end.send(frame.payload, frames.PONG);
    if (frame.opcode !== frames.TEXT) continue;
    await end.send({ type: "transcription.delta", delta: decoder.decode(frame.payload) });
  }
}
