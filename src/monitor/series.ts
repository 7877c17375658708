import type { Counter } from "prom-client";

/** The value of one label of a series. */
export type LabelValue = string | number;

/** Removes a counter's series whose value of a label is not among the given ones. */
export async function keepSeries<L extends string>(
  counter: Counter<L>,
  wanted: Partial<Record<L, ReadonlySet<LabelValue>>>,
): Promise<void> {
  const names = Object.keys(wanted) as L[];
  for (const { labels } of (await counter.get()).values) {
    if (!names.every((name) => wanted[name]!.has(labels[name]!))) counter.remove(labels);
  }
}
