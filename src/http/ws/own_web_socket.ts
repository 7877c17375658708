import type { Input } from "../h1/input.ts";
import { type Output, wholeFrame } from "../h1/output.ts";
import * as frames from "./frames.ts";
import {
  BadMessage,
  type Close,
  ClosedAbnormally,
  type Piece,
  type Received,
  type RelayedSocket,
} from "./web_socket.ts";

/** A connection after its handshake. */
export interface OwnWebSocketOptions {
  readonly input: Input;
  readonly output: Output;
  /** The other end is a client: what it sends is masked. What is sent to a server is. */
  readonly isClient: boolean;
  /** The longest message that the other end may send. */
  readonly maxMessageBytes: number;
  /** Closes the connection at once. */
  readonly drop: () => void;
}

/**
 * A frame up to this size is read whole before it is passed on, so that short messages keep their
 * shape. Must fit the largest buffer of an `Input`.
 */
const WHOLE_BYTES = 32 * 1024;
const MASK_BYTES = 4;

/** A WebSocket over a connection of our own (RFC 6455), without extensions. */
export class OwnWebSocket implements RelayedSocket {
  silentSince: number | undefined;
  unreadSince: number | undefined;
  readonly lost: Promise<unknown>;
  readonly #options: OwnWebSocketOptions;
  readonly #lose: (why: unknown) => void;
  /** Bytes of the current frame that are still to come, and how many have been used. */
  #left = 0;
  #used = 0;
  #mask = new Uint8Array(MASK_BYTES);
  #isLastFrame = true;
  /** The current message: whether it is text, how long it is so far. */
  #isText = true;
  #isFirst = true;
  #messageBytes = 0;
  #hasClosed = false;

  constructor(options: OwnWebSocketOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.lost = promise;
    this.#lose = resolve;
  }

  async read(): Promise<Received> {
    for (;;) {
      if (this.#left === 0) {
        const head = await this.#nextHead();
        if (head.opcode >= frames.CLOSE) {
          const closed = await this.#control(head);
          if (closed) return { closed };
          continue;
        }
        this.#begin(head);
      }
      const { input } = this.#options;
      const wanted = this.#left <= WHOLE_BYTES ? this.#left : 1;
      while (input.length < wanted) await this.#fill();
      const bytes = this.#unmasked(input.take(Math.min(this.#left, input.length)));
      const isLast = this.#left === 0 && this.#isLastFrame;
      // Empty frames within a message carry nothing.
      if (bytes.length === 0 && !isLast) continue;
      const piece = { isText: this.#isText, bytes, isFirst: this.#isFirst, isLast };
      this.#isFirst = false;
      return piece;
    }
  }

  lookAhead(): void {
    const { input } = this.#options;
    if (input.isFull) return;
    const ended = (cause?: unknown) => {
      // What has come is read first.
      if (input.length > 0) return;
      this.#lose(new ClosedAbnormally("The connection has ended", { cause }));
    };
    input.fill().then((hasMore) => hasMore || ended(), ended);
  }

  async send({ isText, bytes, isFirst, isLast }: Piece): Promise<void> {
    const opcode = !isFirst ? frames.CONTINUATION : isText ? frames.TEXT : frames.BINARY;
    if (!this.#hasClosed) await this.#write(opcode, isLast, bytes);
  }

  ping(): void {
    if (this.#options.output.unsent > 0 || this.#hasClosed) return;
    void this.#write(frames.PING, true, new Uint8Array());
  }

  async close(close: Close): Promise<void> {
    if (this.#hasClosed) return;
    this.#hasClosed = true;
    await this.#write(frames.CLOSE, true, frames.closePayload(close));
  }

  drop(): void {
    this.#hasClosed = true;
    this.#options.drop();
  }

  async #write(opcode: number, isLast: boolean, payload: Uint8Array): Promise<void> {
    const { output, isClient } = this.#options;
    const mask = isClient ? undefined : crypto.getRandomValues(new Uint8Array(MASK_BYTES));
    this.unreadSince ??= performance.now();
    await output.write(wholeFrame(frames.frameBytes(opcode, isLast, payload, mask)));
    if (output.unsent === 0) this.unreadSince = undefined;
  }

  async #nextHead(): Promise<frames.FrameHead> {
    const { input, isClient } = this.#options;
    for (;;) {
      const head = frames.readFrameHead(input.bytes, input.from, input.to, isClient);
      if (head && "code" in head) throw new BadMessage(head);
      if (!head) {
        await this.#fill();
        continue;
      }
      const bytes = input.take(head.size);
      if (isClient) this.#mask.set(bytes.subarray(-MASK_BYTES));
      this.#used = 0;
      this.#left = head.length;
      return head;
    }
  }

  #begin({ opcode, isLast, length }: frames.FrameHead): void {
    const isMessageOpen = !this.#isLastFrame;
    if ((opcode === frames.CONTINUATION) !== isMessageOpen) {
      throw new BadMessage({ code: 1002, reason: "A fragment is out of order." });
    }
    if (!isMessageOpen) {
      this.#isText = opcode === frames.TEXT;
      this.#isFirst = true;
      this.#messageBytes = 0;
    }
    this.#isLastFrame = isLast;
    this.#messageBytes += length;
    if (this.#messageBytes > this.#options.maxMessageBytes) {
      const mib = this.#options.maxMessageBytes / 1024 / 1024;
      throw new BadMessage({ code: 1009, reason: `The message is longer than ${mib} MiB.` });
    }
  }

  /** Reads a control frame and answers a ping. @returns what a close says */
  async #control({ opcode, length }: frames.FrameHead): Promise<Close | undefined> {
    const { input } = this.#options;
    while (input.length < length) await this.#fill();
    const payload = this.#unmasked(input.take(length));
    if (opcode === frames.CLOSE) {
      const close = frames.readClose(payload);
      if ("fault" in close) throw new BadMessage(close.fault);
      return close;
    }
    // Waits until it is taken: a peer that sends pings and reads no pong is not read any further.
    if (opcode === frames.PING && !this.#hasClosed) await this.#write(frames.PONG, true, payload);
    return undefined;
  }

  #unmasked(bytes: Uint8Array): Uint8Array {
    if (this.#options.isClient) frames.applyMask(bytes, this.#mask, this.#used);
    this.#used += bytes.length;
    this.#left -= bytes.length;
    return bytes;
  }

  async #fill(): Promise<void> {
    this.silentSince = performance.now();
    try {
      if (await this.#options.input.fill()) return;
    } catch (cause) {
      throw new ClosedAbnormally("The connection broke", { cause });
    } finally {
      this.silentSince = undefined;
    }
    throw new ClosedAbnormally("The connection ended without a close");
  }
}
