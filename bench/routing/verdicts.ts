import { HAPROXY, LEAST_LOAD, NGINX, PERFECT } from "./names.ts";
import { FIRST_MEAN, FIRST_P99, ratio, type Results } from "./report.ts";

/** One line for each aim: whether a contender met it, in the mean and the p99. */
export function verdicts(results: Results, name: string, aim: number): string[] {
  const lines: string[] = [];
  const compare = (reference: string, most: number, words: string) => {
    if (name === reference) return;
    const measured = [FIRST_MEAN, FIRST_P99].map((read) => ratio(results, name, reference, read));
    if (measured.some((value) => value === undefined)) return;
    // A hundredth is less than any repeat differs by.
    const met = measured.every((value) => Number(value!.toFixed(2)) <= most);
    const [mean, p99] = measured.map((value) => value!.toFixed(2));
    const verdict = met ? "met" : "NOT met";
    lines.push(`${name}: ${words}: ${verdict}, mean ${mean}, p99 ${p99} × ${reference}`);
  };
  compare(PERFECT, aim, `at most ${aim} × perfect information`);
  compare(NGINX, 0.99, "better than nginx");
  compare(HAPROXY, 0.99, "better than HAProxy");
  compare(LEAST_LOAD, 1, "never worse than least_load");
  return lines;
}
