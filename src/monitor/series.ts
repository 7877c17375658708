import type { Counter, Histogram } from "prom-client";

/** The value of one label of a series. */
export type LabelValue = string | number;

/** Removes a metric's series whose value of a label is not among the given ones. */
export async function keepSeries<L extends string>(
  metric: Counter<L> | Histogram<L>,
  wanted: Partial<Record<L, ReadonlySet<LabelValue>>>,
): Promise<void> {
  const names = Object.keys(wanted) as L[];
  for (const { labels } of (await metric.get()).values) {
    // The bound of a bucket is not a label of the histogram itself.
    const { le: _, ...own } = labels as Record<string, LabelValue>;
    if (!names.every((name) => wanted[name]!.has(own[name]!))) metric.remove(own as never);
  }
}
