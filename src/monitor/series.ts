import type { Counter } from "prom-client";

/** What stands in a series for one of its labels. */
export type LabelValue = string | number;

/** Removes a counter's series that have another value of a label than these. */
export async function keepSeries<L extends string>(
  counter: Counter<L>,
  wanted: Partial<Record<L, ReadonlySet<LabelValue>>>,
): Promise<void> {
  const names = Object.keys(wanted) as L[];
  for (const { labels } of (await counter.get()).values) {
    if (!names.every((name) => wanted[name]!.has(labels[name]!))) counter.remove(labels);
  }
}
