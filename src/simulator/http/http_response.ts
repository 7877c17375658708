import { encodeChunk, frameChunk } from "./chunk.ts";
import { concatBytes } from "./request_reader.ts";

const encoder = new TextEncoder();
const END_CHUNK = encoder.encode("0\r\n\r\n");

export const REASONS: Readonly<Record<number, string>> = {
  101: "Switching Protocols",
  200: "OK",
  302: "Found",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

export type ResponseHeaders = Readonly<Record<string, string>>;

/**
 * The answer to one request. Writing never waits for the client to read: bytes that a slow client
 * has not read yet are merged with what follows. Writing after the end, or after the client has
 * left, does nothing.
 */
export class HttpResponse {
  /** Resolves when the answer is sent or the connection is lost. */
  readonly done: Promise<void>;
  /** Called once if the client leaves before the end of the answer. */
  onClientLeft: () => void = () => {};
  /** Called when the port closes while this answer is under way. */
  onPortClosed: () => void = () => {};
  /** Takes what the client sends after `switchProtocols`. */
  onBytes: ((bytes: Uint8Array) => void) | undefined;
  /** The connection must close after this answer. */
  mustClose: boolean;
  readonly #connection: Pick<Deno.Conn, "write">;
  readonly #withBody: boolean;
  #resolveDone!: () => void;
  #queue: Uint8Array<ArrayBuffer>[] = [];
  #writing = false;
  #chunked = true;
  #state: "open" | "ended" | "over" = "open";

  constructor(connection: Pick<Deno.Conn, "write">, method: string, keepAlive: boolean) {
    this.#connection = connection;
    this.#withBody = method !== "HEAD";
    this.mustClose = !keepAlive;
    this.done = new Promise((resolve) => this.#resolveDone = resolve);
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  json(status: number, value: unknown, headers: ResponseHeaders = {}): void {
    this.send(status, JSON.stringify(value), {
      "content-type": "application/json",
      ...headers,
    });
  }

  send(status: number, text: string, headers: ResponseHeaders = {}): void {
    const body = encoder.encode(text);
    const head = this.#head(status, {
      ...headers,
      "content-length": String(body.length),
    });
    this.#end(this.#withBody ? concatBytes([head, body]) : head);
  }

  /** Sends `share` of the JSON text, declares twice as many bytes, and closes. */
  sendLess(text: string, share: 0.5 | 1): void {
    const body = encoder.encode(text);
    const head = this.#head(200, {
      "content-type": "application/json",
      "content-length": String(Math.round(2 * share * body.length)),
    });
    this.mustClose = true;
    this.#end(concatBytes([head, body.subarray(0, share * body.length)]));
  }

  /** Sends the head of a stream. `length` declares a content-length; chunked without it. */
  startStream(headers: ResponseHeaders, length?: number): void {
    this.#chunked = length === undefined;
    this.#push(this.#head(200, {
      ...headers,
      ...(length === undefined
        ? { "transfer-encoding": "chunked" }
        : { "content-length": String(length) }),
    }));
  }

  /** Writes one chunk of a stream. */
  chunk(data: string | Uint8Array): void {
    if (this.#state !== "open") return;
    if (typeof data !== "string") return this.#push(frameChunk(data));
    this.#push(this.#chunked ? encodeChunk(data) : encoder.encode(data));
  }

  /** Leaves HTTP. The connection then carries what `write` sends and `onBytes` takes. */
  switchProtocols(headers: ResponseHeaders, onBytes: (bytes: Uint8Array) => void): void {
    this.#push(this.#head(101, headers));
    this.mustClose = true;
    this.onBytes = onBytes;
  }

  /** Writes bytes as they are. */
  write(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#state === "open") this.#push(bytes);
  }

  endStream(): void {
    this.#end(END_CHUNK);
  }

  /** Closes the connection after the bytes written so far, without ending the answer. */
  drop(): void {
    this.mustClose = true;
    this.#end(new Uint8Array());
  }

  /** Writes bytes that are not HTTP and closes the connection. */
  garble(): void {
    this.mustClose = true;
    this.#end(encoder.encode("\u0000}{ 200 hello\n\r\r\n\u0007"));
  }

  /** Ends the answer because the client closed the connection or the server is closing it. */
  connectionLost(): void {
    if (this.#state === "over") return;
    const wasOpen = this.#state === "open";
    this.mustClose = true;
    this.#finish();
    if (wasOpen) this.onClientLeft();
  }

  #head(status: number, headers: ResponseHeaders): Uint8Array<ArrayBuffer> {
    let text = `HTTP/1.1 ${status} ${REASONS[status] ?? "Unknown"}\r\n`;
    text += `date: ${new Date().toUTCString()}\r\nserver: uvicorn\r\n`;
    for (const [name, value] of Object.entries(headers)) {
      text += `${name}: ${value}\r\n`;
    }
    if (this.mustClose) text += "connection: close\r\n";
    return encoder.encode(text + "\r\n");
  }

  #end(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#push(bytes);
  }

  #push(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#state === "over") return;
    this.#queue.push(bytes);
    if (!this.#writing) this.#flush();
  }

  async #flush(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#queue.length > 0) {
        let bytes = this.#queue.length === 1 ? this.#queue[0]! : concatBytes(this.#queue);
        this.#queue = [];
        while (bytes.length > 0) {
          const written = await this.#connection.write(bytes);
          bytes = bytes.subarray(written);
        }
      }
    } catch {
      this.connectionLost();
    }
    this.#writing = false;
    if (this.#state === "ended") this.#finish();
  }

  #finish(): void {
    this.#state = "over";
    this.#queue = [];
    this.#resolveDone();
  }
}
