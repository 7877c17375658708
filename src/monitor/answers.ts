import { isFailed } from "./failures.ts";
import { createGrowth } from "./growth.ts";
import type { Listener } from "./listener.ts";
import { createMinute } from "./minute.ts";
import type { AnswerRates } from "./view.ts";

/** Counts ended requests by how they ended. */
export interface Answers {
  readonly listener: Pick<Listener, "closed" | "turnedAway">;
  /** Reads the counts for the rates. */
  look(): void;
  /** Requests that were handled since the start; those that were turned away don't count. */
  total(): number;
  perSecond(): { readonly all: number; readonly by: AnswerRates };
  lastMinute(): { readonly ended: number; readonly failed: number };
}

const KINDS = ["ok", "clientErrors", "clientClosed", "failed"] as const;

/**
 * @param rateMs window of the rates
 * @param now monotonic time in milliseconds
 */
export function createAnswers(rateMs: number, now: () => number): Answers {
  const counts = { ok: 0, clientErrors: 0, clientClosed: 0, failed: 0 };
  const growths = KINDS.map(() => createGrowth(rateMs, now));
  const allGrowth = createGrowth(rateMs, now);
  const ended = createMinute(now);
  const failed = createMinute(now);
  let total = 0;
  return {
    listener: {
      closed(record) {
        total++;
        ended.add(1);
        if (isFailed(record)) {
          counts.failed++;
          failed.add(1);
        } else if (record.outcome === "client_closed") counts.clientClosed++;
        else if (record.status >= 400) counts.clientErrors++;
        else counts.ok++;
      },
      turnedAway: () => void counts.clientErrors++,
    },
    look() {
      KINDS.forEach((kind, i) => growths[i]!.record(counts[kind]));
      allGrowth.record(total);
    },
    total: () => total,
    perSecond() {
      const by = Object.fromEntries(KINDS.map((kind, i) => [kind, growths[i]!.perSecond() ?? 0]));
      return { all: allGrowth.perSecond() ?? 0, by: by as unknown as AnswerRates };
    },
    lastMinute: () => ({ ended: ended.total(), failed: failed.total() }),
  };
}
