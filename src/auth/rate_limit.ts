import { alone, type Over, type Spent } from "./spent.ts";

const MINUTE_MS = 60_000;
/** Up to this many requests a minute, the time of each request is remembered. */
const REMEMBERED = 1_000;

/** The decision of a rate limit on one request. */
export interface Taken {
  /** Whether the request may begin. */
  readonly ok: boolean;
  /** How many further requests may begin now. */
  readonly left: number;
  /** Time until one more may begin, in milliseconds; 0 if one may begin now. */
  readonly waitMs: number;
  /** Time until none of the requests so far counts, in milliseconds. */
  readonly resetMs: number;
}

/** Counts the requests that began within the last minute. */
export interface RateLimit {
  /**
   * Takes one request, unless `perMinute` requests began within the last minute.
   *
   * @param perMinute the limit, which a reload may change between calls
   * @param now monotonic time in milliseconds
   */
  take(perMinute: number, now: number): Taken;
}

/** Requests that began close together, which count until the last of them is a minute old. */
interface Slice {
  readonly from: number;
  until: number;
  count: number;
}

/**
 * Creates a sliding-window limit: at most `perMinute` requests begin in any 60 s. Above 1,000 a
 * minute, requests within 60 ms share a slice to bound memory; the first of them may count up to
 * 60 ms longer, never shorter.
 *
 * @param over adds the requests that other routers have admitted
 */
export function createRateLimit(over: Over = alone): RateLimit {
  const slices: Slice[] = [];
  let count = 0;

  function expire(now: number): void {
    while (slices[0] && now - slices[0].until >= MINUTE_MS) count -= slices.shift()!.count;
  }
  function add(perMinute: number, now: number): void {
    const widthMs = perMinute > REMEMBERED ? MINUTE_MS / REMEMBERED : 0;
    const newest = slices.at(-1);
    count++;
    if (newest && now - newest.from <= widthMs) {
      newest.until = now;
      newest.count++;
    } else {
      slices.push({ from: now, until: now, count: 1 });
    }
  }

  const own: Spent = {
    used(now) {
      expire(now);
      return count;
    },
    waitMs(perMinute, requests, now) {
      expire(now);
      let counting = count;
      if (counting + requests <= perMinute) return 0;
      for (const { until, count } of slices) {
        counting -= count;
        if (counting + requests <= perMinute) return until + MINUTE_MS - now;
      }
      return Infinity;
    },
    resetMs(now) {
      expire(now);
      const newest = slices.at(-1);
      return newest ? newest.until + MINUTE_MS - now : 0;
    },
  };
  const all = over(own);
  return {
    take(perMinute, now) {
      const ok = all.waitMs(perMinute, 1, now) === 0;
      if (ok) add(perMinute, now);
      return {
        ok,
        left: Math.max(0, perMinute - all.used(now)),
        waitMs: all.waitMs(perMinute, 1, now),
        resetMs: all.resetMs(now),
      };
    },
  };
}
