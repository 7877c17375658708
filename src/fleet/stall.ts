import type { Scrape } from "./load.ts";

/** What of a server's page moves as long as its engine works. */
export interface Progress {
  /** The page that told of the last movement. */
  readonly seen: Omit<Scrape, "at"> | undefined;
  /** Clock time in milliseconds of that page, or of the last with nothing to do. */
  readonly movedAt: number;
}

/** Nothing seen yet. */
export const NO_PROGRESS: Progress = { seen: undefined, movedAt: 0 };

/**
 * Progress after a scrape. An engine without work, or whose counters nobody can see, can't be
 * said to stand still. The use of the KV cache counts as movement as well: it grows while a long
 * prompt is computed and no token comes.
 *
 * @param now clock time in milliseconds
 */
export function afterScrape(
  progress: Progress,
  scrape: Omit<Scrape, "at"> | undefined,
  now: number,
): Progress {
  const before = progress.seen;
  const still = before && scrape && scrape.running > 0 &&
    scrape.counters?.generation !== undefined &&
    scrape.counters.generation === before.counters?.generation &&
    scrape.counters.prompt === before.counters?.prompt &&
    scrape.kvCacheUsage === before.kvCacheUsage;
  return still ? progress : { seen: scrape, movedAt: now };
}

/** Whether an engine with requests was seen to move since then. */
export function isMoving({ seen, movedAt }: Progress, since: number): boolean {
  return movedAt >= since && seen?.counters?.generation !== undefined && seen.running > 0;
}
