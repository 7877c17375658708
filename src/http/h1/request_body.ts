import type { RequestBody } from "../exchange.ts";
import { type ChunkedScan, decodeChunked, newChunkedScan } from "./chunked.ts";
import type { Input } from "./input.ts";
import type { RequestHead } from "./request_head.ts";

/** Reading this much that nobody wants is cheaper than a new connection. */
const SHORT = 64 * 1024;

/** A request's body broke off: its client has gone, or sends no more. */
export class BrokenBody extends Error {
  override name = "BrokenBody";
}

/** What becomes of a body while it is read. */
export interface BodyEvents {
  /** The client waits for `100 Continue`. */
  sendContinue(): void;
  /** Its last byte has been read. Not called if there is no body. */
  bodyOver(): void;
  /** The connection ended within it. */
  leave(): void;
}

/** The body of a request on a connection that other requests may follow on. */
export class ConnectionBody implements RequestBody {
  readonly length: number | undefined;
  readonly #input: Input;
  readonly #events: BodyEvents;
  readonly #chunked: ChunkedScan | undefined;
  #left: number;
  #isOver: boolean;
  #isCancelled = false;
  #isWaitedFor: boolean;

  /** The head of the request was read from `input`. */
  constructor(
    input: Input,
    { framing, expectsContinue }: Pick<RequestHead, "framing" | "expectsContinue">,
    events: BodyEvents,
  ) {
    this.#input = input;
    this.#events = events;
    this.#chunked = framing === "chunked" ? newChunkedScan() : undefined;
    this.length = framing === "chunked" ? undefined : framing;
    this.#left = this.length ?? 0;
    this.#isOver = framing === 0;
    this.#isWaitedFor = expectsContinue;
  }

  /** Its last byte has been read. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What is left of it is so short that reading it costs less than another connection. */
  get isNearlyOver(): boolean {
    return this.#isOver || (!this.#chunked && !this.#isWaitedFor && this.#left <= SHORT);
  }

  async read(): Promise<Uint8Array | undefined> {
    while (!this.#isOver && !this.#isCancelled) {
      if (this.#input.length === 0) await this.#more();
      this.#isWaitedFor = false;
      if (this.#isCancelled) return undefined;
      const bytes = this.#chunked ? this.#takeChunks(this.#chunked) : this.#take();
      if (this.#isOver) this.#events.bodyOver();
      if (bytes) return bytes;
    }
    return undefined;
  }

  cancel(): void {
    this.#isCancelled = true;
  }

  async #more(): Promise<void> {
    if (this.#isWaitedFor) this.#events.sendContinue();
    const hasMore = await this.#input.fill().catch(() => false);
    if (hasMore) return;
    this.#events.leave();
    throw new BrokenBody();
  }

  #take(): Uint8Array {
    const taken = this.#input.take(Math.min(this.#left, this.#input.length));
    this.#left -= taken.length;
    this.#isOver = this.#left === 0;
    return taken;
  }

  #takeChunks(chunked: ChunkedScan): Uint8Array | undefined {
    const { bytes, from, to } = this.#input;
    this.#isOver = decodeChunked(chunked, bytes, from, to);
    this.#input.take(chunked.used);
    return chunked.data > 0 ? bytes.subarray(from, from + chunked.data) : undefined;
  }
}
