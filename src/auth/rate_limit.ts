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
 */
export function createRateLimit(): RateLimit {
  const slices: Slice[] = [];
  let count = 0;

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

  /** Returns the time at which one more request may begin. */
  function freeAt(perMinute: number, now: number): number {
    let counting = count;
    for (const { until, count } of slices) {
      if (counting < perMinute) break;
      counting -= count;
      if (counting < perMinute) return until + MINUTE_MS;
    }
    return now;
  }

  return {
    take(perMinute, now) {
      while (slices[0] && now - slices[0].until >= MINUTE_MS) count -= slices.shift()!.count;
      const ok = count < perMinute;
      if (ok) add(perMinute, now);
      const newest = slices.at(-1)?.until ?? now;
      return {
        ok,
        left: Math.max(0, perMinute - count),
        waitMs: freeAt(perMinute, now) - now,
        resetMs: newest + MINUTE_MS - now,
      };
    },
  };
}
