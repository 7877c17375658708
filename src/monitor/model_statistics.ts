import type { ServerSnapshot } from "../fleet/snapshot.ts";
import { isFailed } from "./failures.ts";
import type { Listener } from "./listener.ts";
import { createMinute, type Minute } from "./minute.ts";
import { createQuantiles, firstTokenOf, type Quantiles } from "./quantiles.ts";
import { type ModelView, SHOWN_MODELS } from "./view_tables.ts";

/** Counts requests and times by model. */
export interface ModelStatistics {
  readonly listener: Partial<Listener>;
  /** Returns the models that these servers list, except draining ones, by name; forgets others. */
  views(servers: readonly Pick<ServerSnapshot, "models" | "state">[]): ModelView[];
}

interface Use {
  readonly ended: Minute;
  readonly failed: Minute;
  readonly firstToken: Quantiles;
}

interface Count {
  servers: number;
  healthy: number;
}

/** @param now monotonic time in milliseconds */
export function createModelStatistics(now: () => number): ModelStatistics {
  /** Of listed models only: clients may ask for any name. */
  let uses = new Map<string, Use>();

  const newUse = (): Use => ({
    ended: createMinute(now),
    failed: createMinute(now),
    firstToken: createQuantiles(60_000, now),
  });

  return {
    listener: {
      closed(record) {
        const use = record.model === undefined ? undefined : uses.get(record.model);
        if (!use) return;
        use.ended.add(1);
        if (isFailed(record)) use.failed.add(1);
        if (record.firstTokenMs !== undefined) use.firstToken.add(record.firstTokenMs);
      },
    },
    views(servers) {
      const counts = new Map<string, Count>();
      for (const { models, state } of servers) {
        if (state === "draining") continue;
        for (const model of models.keys()) {
          const count = counts.get(model) ?? { servers: 0, healthy: 0 };
          count.servers++;
          if (state === "healthy") count.healthy++;
          counts.set(model, count);
        }
      }
      const names = mostUrgent(counts).slice(0, SHOWN_MODELS).sort();
      uses = new Map(names.map((name) => [name, uses.get(name) ?? newUse()]));
      return names.map((name) => {
        const { ended, failed, firstToken } = uses.get(name)!;
        const total = ended.total();
        return {
          name,
          ...counts.get(name)!,
          requestsPerSecond: ended.perSecond(),
          failedShare: total === 0 ? null : failed.total() / total,
          firstToken: firstTokenOf(firstToken),
        };
      });
    },
  };
}

/** Orders models by name, those without a healthy server first. */
function mostUrgent(counts: ReadonlyMap<string, Readonly<Count>>): string[] {
  const names = [...counts.keys()].sort();
  const isServed = (name: string) => Number(counts.get(name)!.healthy > 0);
  return names.sort((a, b) => isServed(a) - isServed(b));
}
