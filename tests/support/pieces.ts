import type { Upstream } from "../../src/http/upstream.ts";
import { Attempt } from "../../src/proxy/attempt/attempt.ts";
import type { Deadlines } from "../../src/proxy/attempt/deadlines.ts";
import type { Expiry } from "../../src/proxy/attempt/outcome.ts";
import { departureOf } from "./exchange.ts";

const encoder = new TextEncoder();

/** A server's answer that comes in pieces, with what was done to it. */
export interface Pieces extends Upstream {
  readonly closed: () => boolean;
  /** Interrupts the attempt as a deadline does. */
  readonly expire: (why: Expiry) => void;
  /** Pieces that were not read. */
  readonly left: () => number;
  /** Deadlines that only `expire` lets strike. */
  readonly deadlines: (onExpiry: () => void) => Deadlines;
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
  const all = pieces.map((piece) => typeof piece === "string" ? encoder.encode(piece) : piece);
  let taken = 0;
  let closed = false;
  let onExpired = () => {};
  const nothing = () => {};
  return {
    expire(why) {
      expired = why;
      onExpired();
    },
    deadlines(onExpiry) {
      onExpired = onExpiry;
      return {
        get expired() {
          return expired;
        },
        listen: nothing,
        heard: nothing,
        connected: nothing,
        begun: nothing,
        handOver: nothing,
        stop: nothing,
      };
    },
    head: () => Promise.resolve({ status, headers: new Headers() }),
    read() {
      const next = all[taken];
      if (next) taken++;
      if (next || !breaks) return Promise.resolve(next);
      return Promise.reject(new Error("broken"));
    },
    close: () => void (closed = true),
    closed: () => closed,
    left: () => all.length - taken,
  };
}

/** An attempt whose answer has begun, and goes on with those pieces. */
export async function attemptOver(pieces: Pieces, departure = departureOf()): Promise<Attempt> {
  const attempt = new Attempt({
    upstream: pieces,
    departure,
    deadlines: pieces.deadlines,
  });
  await attempt.head();
  attempt.begin();
  return attempt;
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
