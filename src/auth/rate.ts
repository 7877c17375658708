/** Requests that may still be made, filled up evenly over time. */
export interface Bucket {
  /** Requests left, a fraction of one included. */
  readonly left: number;
  /** Clock time in milliseconds of the last change. */
  readonly at: number;
}

/** What a request did to a bucket. */
export interface Taken {
  readonly bucket: Bucket;
  /** Whether there was a request left. */
  readonly ok: boolean;
  /** Until there is one again, in milliseconds; 0 where there still is. */
  readonly waitMs: number;
  /** Until all are there again, in milliseconds. */
  readonly fullMs: number;
}

/** A bucket nobody has taken from. */
export function fullBucket(perMinute: number, now: number): Bucket {
  return { left: perMinute, at: now };
}

/**
 * Takes one request out of a token bucket that holds a minute's worth.
 *
 * @param now clock time in milliseconds
 */
export function take({ left, at }: Bucket, perMinute: number, now: number): Taken {
  const perMs = perMinute / 60_000;
  const filled = Math.min(perMinute, left + Math.max(0, now - at) * perMs);
  const ok = filled >= 1;
  const rest = ok ? filled - 1 : filled;
  return {
    bucket: { left: rest, at: now },
    ok,
    waitMs: rest >= 1 ? 0 : (1 - rest) / perMs,
    fullMs: (perMinute - rest) / perMs,
  };
}
