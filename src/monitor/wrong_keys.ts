/** Counts wrong keys, so that a thousand guesses produce only a few log lines. */
export interface WrongKeys {
  /** Counts a wrong key from a client at this address. */
  add(address: string): void;
  /** Reports all counts not reported yet. */
  stop(): void;
}

export interface WrongKeysOptions {
  /** Called at once for a new address, then once per interval with the number of further keys. */
  readonly report: (address: string, count: number) => void;
  /** Reporting interval. @default 60,000 */
  readonly intervalMs?: number;
}

/** Maximum number of addresses tracked, since each may be new; others are counted as one. */
const MOST_ADDRESSES = 1_000;
const OTHERS = "other addresses";

export function createWrongKeys({ report, intervalMs = 60_000 }: WrongKeysOptions): WrongKeys {
  /** Unreported counts, by address. */
  const counts = new Map<string, number>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Reports all counts and forgets addresses without new ones. */
  function reportAll(): void {
    for (const [address, count] of [...counts]) {
      if (count > 0) report(address, count);
      if (count > 0) counts.set(address, 0);
      else counts.delete(address);
    }
  }

  function scheduleReport(): void {
    timer = setTimeout(() => {
      reportAll();
      timer = undefined;
      if (counts.size > 0) scheduleReport();
    }, intervalMs);
  }

  return {
    add(client) {
      const address = counts.has(client) || counts.size < MOST_ADDRESSES ? client : OTHERS;
      const count = counts.get(address);
      if (count === undefined) report(address, 1);
      counts.set(address, count === undefined ? 0 : count + 1);
      if (timer === undefined) scheduleReport();
    },
    stop() {
      clearTimeout(timer);
      reportAll();
    },
  };
}
