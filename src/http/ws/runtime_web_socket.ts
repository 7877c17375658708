import { GrowingBytes } from "../../util/growing_bytes.ts";
import {
  BadMessage,
  type Close,
  ClosedAbnormally,
  type Piece,
  type Received,
  type RelayedSocket,
} from "./web_socket.ts";

/**
 * The runtime reads on whether or not its messages are used. A client that is ahead by more than
 * this many bytes is closed.
 */
const MOST_AHEAD_BYTES = 16 * 1024 * 1024;
/** The memory that a message takes besides its bytes. */
const MESSAGE_BYTES = 256;
/** More is not handed to the runtime before it has sent some of it. */
const MOST_UNSENT_BYTES = 64 * 1024;
/** The runtime doesn't tell when it has sent something. */
const LOOK_MS = 10;

/**
 * A WebSocket of the runtime's: whole messages, kept until they are read. It pings its client every
 * 30 s, and ends the connection if no answer comes.
 */
export class RuntimeWebSocket implements RelayedSocket {
  readonly silentSince = undefined;
  unreadSince: number | undefined;
  readonly lost: Promise<unknown>;
  readonly #socket: WebSocket;
  readonly #lose: (why: unknown) => void;
  readonly #maxMessageBytes: number;
  readonly #opened = Promise.withResolvers<void>();
  /** What has come and was not read. An error is the last. */
  #ahead: (Received | Error)[] = [];
  #aheadBytes = 0;
  #waiting: PromiseWithResolvers<void> | undefined;
  /** The message that is being sent, as far as it has come. */
  #message = new GrowingBytes();
  #isOver = false;

  /** Takes over a socket that `Deno.upgradeWebSocket` has returned just now. */
  constructor(socket: WebSocket, maxMessageBytes: number) {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.lost = promise;
    this.#lose = resolve;
    this.#socket = socket;
    this.#maxMessageBytes = maxMessageBytes;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#opened.resolve();
    socket.onmessage = ({ data }) => this.#took(data);
    socket.onclose = ({ code, reason }) => {
      this.#opened.resolve();
      if (code === 1006) return this.#end(new ClosedAbnormally("The connection broke"));
      this.#end({ closed: { code: code === 1005 ? undefined : code, reason } });
    };
    socket.onerror = (event) => {
      const cause = (event as ErrorEvent).message;
      this.#end(new ClosedAbnormally("The connection broke", { cause }));
    };
  }

  async read(): Promise<Received> {
    while (this.#ahead.length === 0) {
      this.#waiting = Promise.withResolvers();
      await this.#waiting.promise;
    }
    const next = this.#ahead[0]!;
    // The last one stays.
    if (next instanceof Error) throw next;
    if ("closed" in next) return next;
    this.#ahead.shift();
    this.#aheadBytes -= MESSAGE_BYTES + next.bytes.length;
    return next;
  }

  lookAhead(): void {}

  async send({ isText, bytes, isLast }: Piece): Promise<void> {
    this.#message.append(bytes);
    if (this.#message.length > this.#maxMessageBytes) return this.drop();
    if (!isLast) return;
    const whole = this.#message.first().slice();
    this.#message = new GrowingBytes();
    this.unreadSince = performance.now();
    await this.#opened.promise;
    if (this.#isOpen) this.#socket.send(isText ? new TextDecoder().decode(whole) : whole);
    while (this.#isOpen && this.#socket.bufferedAmount > MOST_UNSENT_BYTES) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    this.unreadSince = undefined;
  }

  ping(): void {}

  async close({ code, reason }: Close): Promise<void> {
    await this.#opened.promise;
    if (!this.#isOpen) return;
    if (code === undefined) this.#socket.close();
    else this.#socket.close(code, reason);
  }

  drop(): void {
    this.#end(new ClosedAbnormally("The connection was closed"));
    void this.close({ code: 1000, reason: "" });
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  #took(data: string | ArrayBuffer): void {
    if (this.#isOver) return;
    const isText = typeof data === "string";
    const bytes = isText ? new TextEncoder().encode(data) : new Uint8Array(data);
    this.#aheadBytes += MESSAGE_BYTES + bytes.length;
    if (bytes.length > this.#maxMessageBytes) {
      const reason = `The message is longer than ${this.#maxMessageBytes / 1024 / 1024} MiB.`;
      return this.#end(new BadMessage({ code: 1009, reason }));
    }
    if (this.#ahead.length > 0 && this.#aheadBytes > MOST_AHEAD_BYTES) {
      return this.#end(new BadMessage({ code: 1008, reason: "The server reads too slowly." }));
    }
    this.#ahead.push({ isText, bytes, isFirst: true, isLast: true });
    this.#wake();
  }

  #end(last: Received | Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (last instanceof Error) this.#lose(last);
    if (last instanceof BadMessage) this.#ahead = [];
    this.#ahead.push(last);
    this.#wake();
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
