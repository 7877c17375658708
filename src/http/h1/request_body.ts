import type { RequestBody } from "../exchange.ts";
import { decodeChunked, newChunkedScan } from "./chunked.ts";
import type { Input } from "./input.ts";
import type { RequestHead } from "./request_head.ts";

/** The body of a request on a connection that other requests may follow on. */
export interface ConnectionBody extends RequestBody {
  /** Its last byte has been read. */
  readonly isOver: boolean;
  /** What is left of it is so short that reading it costs less than another connection. */
  readonly isNearlyOver: boolean;
}

/** Reading this much that nobody wants is cheaper than a new connection. */
const SHORT = 64 * 1024;

/** A request's body broke off: its client has gone, or sends no more. */
export class BrokenBody extends Error {
  override name = "BrokenBody";
}

/** What becomes of a body while it is read. */
export interface BodyEvents {
  /** The client waits for `100 Continue`. */
  readonly onWaiting: () => void;
  /** Its last byte has been read. Not called if there is no body. */
  readonly onOver: () => void;
  /** The connection ended within it. */
  readonly onBroken: () => void;
}

/** Creates the body of a request whose head was read from `input`. */
export function bodyOver(
  input: Input,
  { framing, expectsContinue }: Pick<RequestHead, "framing" | "expectsContinue">,
  { onWaiting, onOver, onBroken }: BodyEvents,
): ConnectionBody {
  const chunked = framing === "chunked" ? newChunkedScan() : undefined;
  let left = framing === "chunked" ? 0 : framing;
  let isOver = framing === 0;
  let isCancelled = false;
  let isWaitedFor = expectsContinue;

  function takeChunks(): Uint8Array | undefined {
    const { bytes, from } = input;
    isOver = decodeChunked(chunked!, bytes, from, input.to);
    input.take(chunked!.used);
    return chunked!.data > 0 ? bytes.subarray(from, from + chunked!.data) : undefined;
  }

  function take(): Uint8Array | undefined {
    if (chunked) return takeChunks();
    const taken = input.take(Math.min(left, input.length));
    left -= taken.length;
    isOver = left === 0;
    return taken;
  }

  async function more(): Promise<void> {
    if (isWaitedFor) onWaiting();
    isWaitedFor = false;
    const hasMore = await input.fill().catch(() => false);
    if (hasMore) return;
    onBroken();
    throw new BrokenBody();
  }

  return {
    length: framing === "chunked" ? undefined : framing,
    get isOver() {
      return isOver;
    },
    get isNearlyOver() {
      return isOver || (!chunked && !isWaitedFor && left <= SHORT);
    },
    async read() {
      while (!isOver && !isCancelled) {
        if (input.length === 0) await more();
        isWaitedFor = false;
        if (isCancelled) return undefined;
        const bytes = take();
        if (isOver) onOver();
        if (bytes) return bytes;
      }
      return undefined;
    },
    cancel: () => void (isCancelled = true),
  };
}
