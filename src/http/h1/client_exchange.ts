import { ClientDeparture } from "../departure.ts";
import type { Handshake, RelayedSocket } from "../ws/web_socket.ts";
import type { Exchange, Head } from "../exchange.ts";
import type { FieldMap } from "../field_map.ts";
import { frameOf, writeAnswer } from "./output.ts";
import { ConnectionBody } from "./request_body.ts";
import type { RequestHead } from "./request_head.ts";
import { responseText } from "./response_text.ts";
import { whenTaken } from "./unread.ts";
import { type Upgradable, upgrade } from "./upgrade.ts";

/** What an exchange needs of its connection. */
export interface ExchangeOptions extends Upgradable {
  readonly head: RequestHead;
  /** Whether this answer must be the connection's last. */
  readonly isClosing: () => boolean;
  /** Called when the request's body is over, if it has one. */
  readonly onBodyOver: () => void;
}

/** Every answer begins with these. */
const STATUS_LINE_START = "HTTP/1.1 ";
/** Leading zeros of a chunk's size: some clients read no more than 20 digits. */
const MOST_ZEROS = 8;

/**
 * A request over a connection of our own, whose answer is written as HTTP/1.1 (RFC 9112). One
 * object and no function of its own for each request: it lives for as long as its stream.
 */
export class ClientExchange implements Exchange {
  target: string;
  readonly body: ConnectionBody;
  readonly departure: ClientDeparture = new ClientDeparture();
  readonly sent: Promise<void>;
  readonly #options: ExchangeOptions;
  readonly #settle: () => void;
  #state: "fresh" | "begun" | "upgraded" | "over" = "fresh";
  #keepsAlive = false;
  /** The head of an answer that has begun, until it is sent. */
  #unsentHead = "";
  /** Bytes of the head, or zeros of a chunk's size, that were sent ahead. */
  #ahead = 0;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.target = options.head.target;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.sent = promise;
    this.#settle = resolve;
    this.body = new ConnectionBody(options.input, options.head, this);
  }

  get method(): string {
    return this.#options.head.method;
  }

  get headers(): FieldMap {
    return this.#options.head.fields;
  }

  get unsent(): number {
    return this.#options.output.unsent;
  }

  /** What the client sends belongs to a WebSocket. */
  get isUpgraded(): boolean {
    return this.#state === "upgraded";
  }

  /** Whether the client may send another request, once the answer has been sent. */
  get keepsAlive(): boolean {
    return this.#keepsAlive;
  }

  respond(status: number, head: Head, bytes: Uint8Array<ArrayBuffer> | undefined): void {
    if (this.#state !== "fresh") return;
    const hasNoBody = status === 204 || status === 304;
    const length = hasNoBody || this.#isHead ? "" : `content-length: ${bytes?.length ?? 0}\r\n`;
    const text = this.#headOf(status, head, length, true);
    const body = hasNoBody || this.#isHead ? undefined : bytes;
    writeAnswer(this.#options.output, text, body);
    this.#finish();
  }

  begin(status: number, head: Head): Promise<void> {
    if (this.#state !== "fresh") return Promise.resolve();
    const framing = this.#isChunked ? "transfer-encoding: chunked\r\n" : "";
    this.#unsentHead = this.#headOf(status, head, framing, this.#isChunked);
    this.#state = "begun";
    return Promise.resolve();
  }

  flush(): void {
    if (this.#unsentHead === "") return;
    void this.#options.output.write(frameOf(this.#takeHead(), undefined));
  }

  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#state !== "begun" || bytes.length === 0 || this.#isHead) return Promise.resolve();
    this.#ahead = 0;
    const head = this.#takeHead();
    const frame = this.#isChunked
      ? frameOf(`${head}${bytes.length.toString(16)}\r\n`, bytes, "\r\n")
      : frameOf(head, bytes);
    return this.#options.output.write(frame);
  }

  accept(handshake: Handshake, head: Head, maxMessageBytes: number): RelayedSocket {
    if (this.#state === "fresh") this.#state = "upgraded";
    this.#settle();
    return upgrade(this.#options, { handshake, head, maxMessageBytes, sent: this.#ahead });
  }

  end(): void {
    if (this.#state !== "begun") return;
    const last = this.#isChunked && !this.#isHead ? "0\r\n\r\n" : "";
    void this.#options.output.write(frameOf(this.#takeHead() + last, undefined));
    this.#finish();
  }

  abort(): void {
    if (this.#state === "over") return;
    this.#keepsAlive = false;
    this.#state = "over";
    // What it has not taken yet, a client that stopped reading never takes.
    this.#options.close();
    this.#settle();
  }

  /** The connection has ended: nothing can be sent any more. */
  leave(): void {
    this.#keepsAlive = false;
    if (this.#state !== "over") {
      this.#state = "over";
      this.departure.leave();
    }
    this.#settle();
  }

  /**
   * Sends a byte ahead of what follows, where that changes nothing for the client. The connection of
   * a client that has gone breaks of it.
   */
  probe(): void {
    const { output } = this.#options;
    if (output.unsent > 0 || this.#state === "over" || this.#unsentHead !== "") return;
    if (this.#state === "fresh" && this.#ahead < STATUS_LINE_START.length) {
      void output.write(frameOf(STATUS_LINE_START[this.#ahead++]!, undefined));
    } else if (this.#state === "begun" && this.#isChunked && this.#ahead < MOST_ZEROS) {
      this.#ahead++;
      void output.write(frameOf("0", undefined));
    }
  }

  /** Tells a client that waits for it to send the request's body. */
  sendContinue(): void {
    void this.#options.output.write(frameOf("HTTP/1.1 100 Continue\r\n\r\n", undefined));
  }

  /** The request's body has been read to its end. */
  bodyOver(): void {
    this.#options.onBodyOver();
  }

  get #isHead(): boolean {
    return this.#options.head.method === "HEAD";
  }

  /** HTTP/1.0 has no chunks: the end of the connection ends the body. */
  get #isChunked(): boolean {
    return this.#options.head.minor === 1;
  }

  #headOf(status: number, head: Head, framing: string, ends: boolean): string {
    const { head: request, isClosing } = this.#options;
    const keepsAlive = ends && request.keepsAlive && this.body.isNearlyOver && !isClosing() &&
      !head.some(([name, value]) => name === "connection" && value === "close");
    const text = responseText(status, head, framing, !keepsAlive, request.minor).slice(this.#ahead);
    this.#ahead = 0;
    this.#keepsAlive = keepsAlive;
    return text;
  }

  #takeHead(): string {
    const text = this.#unsentHead;
    this.#unsentHead = "";
    return text;
  }

  #finish(): void {
    this.#state = "over";
    const { output } = this.#options;
    if (output.unsent === 0) return this.#settle();
    void whenTaken(output, this.#options.close).then(this.#settle);
  }
}
