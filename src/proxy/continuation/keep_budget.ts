/** Memory for what is kept of all streams. */
export interface KeepBudget {
  /** Takes this many bytes; `false` if there are not as many. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** For all streams together: 10,000 streams of 1,000 tokens. */
const MOST_BYTES = 128 * 1024 * 1024;

export function createKeepBudget(mostBytes = MOST_BYTES): KeepBudget {
  let left = mostBytes;
  return {
    take(bytes) {
      if (bytes > left) return false;
      left -= bytes;
      return true;
    },
    give: (bytes) => void (left += bytes),
  };
}
