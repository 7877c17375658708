import { median } from "../support/statistics.ts";
import { HAPROXY, LEAST_LOAD, NGINX, PERFECT } from "./names.ts";
import { FIRST_MEAN, FIRST_P99, ratios, type Results } from "./report.ts";

/** Returns one line per aim: whether a contender met it, in the mean and the p99. */
export function verdicts(results: Results, name: string, aim: number): string[] {
  const lines: string[] = [];
  const compare = (reference: string, most: number, words: string) => {
    if (name === reference) return;
    const mean = ratios(results, name, reference, FIRST_MEAN);
    const p99 = ratios(results, name, reference, FIRST_P99);
    if (mean === undefined || p99 === undefined) return;
    // Repeats differ by more than a hundredth.
    const met = [mean, p99].every((values) => Number(median(values).toFixed(2)) <= most);
    // A contender that fails slow requests looks fast.
    const failed = failures(results, name);
    const othersFailed = failures(results, reference);
    const figures = `mean ${shown(mean)}, p99 ${shown(p99)} × ${reference}` +
      (failed + othersFailed > 0 ? `, ${failed} failed beside its ${othersFailed}` : "");
    lines.push(`${name}: ${words}: ${met ? "met" : "NOT met"}, ${figures}`);
  };
  compare(PERFECT, aim, `at most ${aim} × perfect information`);
  compare(NGINX, 0.99, "better than nginx");
  compare(HAPROXY, 0.99, "better than HAProxy");
  compare(LEAST_LOAD, 1, "never worse than least_load");
  return lines;
}

function failures(results: Results, name: string): number {
  return results.get(name)!.reduce((sum, { failed }) => sum + failed, 0);
}

/** Formats the median and the range of the repeats. */
function shown(values: readonly number[]): string {
  const middle = median(values).toFixed(2);
  if (values.length === 1) return middle;
  return `${middle} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`;
}
