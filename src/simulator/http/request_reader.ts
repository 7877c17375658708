import { MalformedRequest, parseHead, type RequestHead } from "./http_request.ts";

const MAX_HEAD_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 1024;
const READ_BYTES = 16 * 1024;
const LINE_END = [13, 10];
const HEAD_END = [13, 10, 13, 10];
const latin1 = new TextDecoder("latin1");

/** Thrown when the connection ends before or within a request. */
class ConnectionEnded extends Error {}

/** Reads requests from a connection and detects its end even while no request is expected. */
export class RequestReader {
  readonly #connection: Deno.Conn;
  readonly #chunk = new Uint8Array(READ_BYTES);
  #buffered = new Uint8Array();
  #pending: Promise<boolean> | null = null;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Bytes read but not yet consumed. */
  get bufferedBytes(): number {
    return this.#buffered.length;
  }

  /** Waits for more bytes; false when the connection has ended. All callers share one read. */
  fill(): Promise<boolean> {
    this.#pending ??= this.#read().finally(() => this.#pending = null);
    return this.#pending;
  }

  /** Returns all bytes read but not yet consumed. */
  takeBuffered(): Uint8Array {
    return this.#take(this.#buffered.length);
  }

  async readHead(): Promise<RequestHead> {
    const end = await this.#find(HEAD_END, MAX_HEAD_BYTES);
    const head = latin1.decode(this.#take(end));
    this.#take(HEAD_END.length);
    return parseHead(head);
  }

  async readBody(length: number | "chunked"): Promise<Uint8Array> {
    if (length !== "chunked") return await this.#readBytes(length);
    const chunks: Uint8Array[] = [];
    while (true) {
      const size = parseInt(await this.#readLine(), 16);
      if (!(size >= 0)) throw new MalformedRequest("Invalid chunk size");
      if (size === 0) break;
      chunks.push(await this.#readBytes(size));
      if (await this.#readLine() !== "") {
        throw new MalformedRequest("Invalid chunk");
      }
    }
    while (await this.#readLine() !== ""); // trailers
    return concatBytes(chunks);
  }

  async #readLine(): Promise<string> {
    const line = latin1.decode(this.#take(await this.#find(LINE_END, MAX_LINE_BYTES)));
    this.#take(LINE_END.length);
    return line;
  }

  async #readBytes(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let offset = 0;
    while (true) {
      const part = this.#take(Math.min(length - offset, this.#buffered.length));
      bytes.set(part, offset);
      offset += part.length;
      if (offset === length) return bytes;
      if (!await this.fill()) throw new ConnectionEnded();
    }
  }

  /** Waits for `mark` and returns its position in the buffer. */
  async #find(mark: readonly number[], limit: number): Promise<number> {
    let from = 0;
    while (true) {
      const buffered = this.#buffered;
      const [first] = mark as [number];
      for (let at = buffered.indexOf(first, from); at >= 0; at = buffered.indexOf(first, at + 1)) {
        if (mark.every((byte, offset) => buffered[at + offset] === byte)) return at;
      }
      if (buffered.length > limit) {
        throw new MalformedRequest("Request head too large", 431);
      }
      // Part of the mark may already be buffered.
      from = Math.max(0, buffered.length - mark.length + 1);
      if (!await this.fill()) throw new ConnectionEnded();
    }
  }

  #take(length: number): Uint8Array {
    const bytes = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    return bytes;
  }

  async #read(): Promise<boolean> {
    try {
      const length = await this.#connection.read(this.#chunk);
      if (length === null) return false;
      const bytes = this.#chunk.subarray(0, length);
      this.#buffered = this.#buffered.length === 0
        ? bytes.slice()
        : concatBytes([this.#buffered, bytes]);
      return true;
    } catch {
      return false; // reset by the client, or closed here
    }
  }
}

/** Concatenates byte arrays. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
