import { median } from "../support/statistics.ts";
import {
  CLAIRVOYANT,
  CLAIRVOYANT_PER_TOKEN,
  HAPROXY,
  LEAST_LOAD,
  NGINX,
  PERFECT,
} from "./names.ts";
import type { Aim } from "./scenarios.ts";
import {
  FIRST_MEAN,
  FIRST_P99,
  PER_TOKEN_MEAN,
  ratios,
  type Read,
  type Results,
} from "./report.ts";

const BETTER: Aim = { mean: 0.99, p99: 0.99 };
const NO_WORSE: Aim = { mean: 1, p99: 1 };

/**
 * Returns one line per aim, with whether a contender met it in the mean and the p99, and one per
 * bound that was searched for, with the ratio of the mean.
 */
export function verdicts(results: Results, name: string, aim: Aim): string[] {
  const lines: string[] = [];
  const compare = (reference: string, most: Aim, words: string) => {
    if (name === reference) return;
    const mean = ratios(results, name, reference, FIRST_MEAN);
    const p99 = ratios(results, name, reference, FIRST_P99);
    if (mean === undefined || p99 === undefined) return;
    // Repeats differ by more than a hundredth.
    const isMet = (values: readonly number[], limit: number) =>
      Number(median(values).toFixed(2)) <= limit;
    const met = isMet(mean, most.mean) && isMet(p99, most.p99);
    // A contender that fails slow requests looks fast.
    const failed = failures(results, name);
    const othersFailed = failures(results, reference);
    const figures = `mean ${shown(mean)}, p99 ${shown(p99)} × ${reference}` +
      (failed + othersFailed > 0 ? `, ${failed} failed beside its ${othersFailed}` : "");
    lines.push(`${name}: ${words}: ${met ? "met" : "NOT met"}, ${figures}`);
  };
  compare(PERFECT, aim, `at most ${aim.mean} and ${aim.p99} × perfect information`);
  const tellBound = (reference: string, words: string, read: Read) => {
    const mean = ratios(results, name, reference, read);
    if (mean) lines.push(`${name}: mean ${words} ${shown(mean)} × ${reference}`);
  };
  tellBound(CLAIRVOYANT, "first token", FIRST_MEAN);
  tellBound(CLAIRVOYANT_PER_TOKEN, "time per token", PER_TOKEN_MEAN);
  compare(NGINX, BETTER, "better than nginx");
  compare(HAPROXY, BETTER, "better than HAProxy");
  compare(LEAST_LOAD, NO_WORSE, "never worse than least_load");
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
