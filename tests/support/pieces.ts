import { type Expiry, outcomeOf } from "../../src/proxy/attempt/outcome_of.ts";
import type { Upstream } from "../../src/proxy/attempt/upstream.ts";

const encoder = new TextEncoder();

/** A server's answer that comes in pieces, with what was done to it. */
export interface Pieces extends Upstream {
  readonly closed: () => boolean;
  /** Gives the answer up while nobody reads. */
  readonly expire: (why: Expiry) => void;
  /** Pieces that nobody has read. */
  readonly left: () => number;
}

/** The rest of an answer comes in those pieces, then ends, or breaks for a reason. */
export function piecesOf(
  pieces: readonly (string | Uint8Array<ArrayBuffer>)[],
  { breaks = false, expired, status = 200 }: {
    breaks?: boolean;
    expired?: Expiry;
    status?: number;
  } = {},
): Pieces {
  const left = pieces.map((piece) => typeof piece === "string" ? encoder.encode(piece) : piece);
  let closed = false;
  let onExpired = () => {};
  return {
    get expired() {
      return expired;
    },
    whenExpired: (callback) => void (onExpired = callback),
    expire(why) {
      expired = why;
      onExpired();
    },
    head: () => Promise.reject(new Error("It has been read")),
    read() {
      const next = left.shift();
      if (next || !breaks) return Promise.resolve(next);
      return Promise.reject(new Error("broken"));
    },
    begun() {},
    close: () => void (closed = true),
    outcomeOf: (error, told) =>
      outcomeOf({
        ...told,
        status: told?.status ?? status,
        error,
        expired,
        clientGone: false,
      }),
    closed: () => closed,
    left: () => left.length,
  };
}

/** The bytes cut at those places, wherever they fall. */
export function cutAt(
  bytes: Uint8Array<ArrayBuffer>,
  places: readonly number[],
): Uint8Array<ArrayBuffer>[] {
  const inside = places.map((place) => place % bytes.length).sort((a, b) => a - b);
  const from = [0, ...inside];
  return from.map((start, i) => bytes.slice(start, from[i + 1]))
    .filter(({ length }) => length > 0);
}
