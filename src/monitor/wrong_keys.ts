/** Counts wrong keys, so that who guesses a thousand leaves few lines. */
export interface WrongKeys {
  /** A wrong key was shown by a client at this address. */
  add(address: string): void;
  /** Tells what was not told yet. */
  stop(): void;
}

export interface WrongKeysOptions {
  /** Hears of an address at once, and then of how many more came from it, once an interval. */
  readonly tell: (address: string, count: number) => void;
  /** @default a minute */
  readonly intervalMs?: number;
}

/** Each may be another: beyond these they are counted as one. */
const MOST_ADDRESSES = 1_000;
const OTHERS = "other addresses";

export function createWrongKeys({ tell, intervalMs = 60_000 }: WrongKeysOptions): WrongKeys {
  /** By address, what was not told yet. */
  const counts = new Map<string, number>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Forgets the addresses that have fallen silent. */
  function tellAll(): void {
    for (const [address, count] of [...counts]) {
      if (count > 0) tell(address, count);
      if (count > 0) counts.set(address, 0);
      else counts.delete(address);
    }
  }

  function tellLater(): void {
    timer = setTimeout(() => {
      tellAll();
      timer = undefined;
      if (counts.size > 0) tellLater();
    }, intervalMs);
  }

  return {
    add(client) {
      const address = counts.has(client) || counts.size < MOST_ADDRESSES ? client : OTHERS;
      const count = counts.get(address);
      if (count === undefined) tell(address, 1);
      counts.set(address, count === undefined ? 0 : count + 1);
      if (timer === undefined) tellLater();
    },
    stop() {
      clearTimeout(timer);
      tellAll();
    },
  };
}
