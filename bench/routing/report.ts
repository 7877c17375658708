import Table from "cli-table3";
import { median } from "../support/statistics.ts";
import { CLAIRVOYANT, REFERENCES } from "./names.ts";
import type { Effort, Figures, Summary } from "./sample.ts";

/** Summaries by contender, one per repeat. All contenders had the same requests. */
export type Results = ReadonlyMap<string, readonly Summary[]>;

/** Reads one figure of a summary. */
export type Read = (summary: Summary) => number;

export const FIRST_MEAN: Read = ({ firstToken }) => firstToken.mean;
export const FIRST_P99: Read = ({ firstToken }) => firstToken.p99;
export const PER_TOKEN_MEAN: Read = ({ perToken }) => perToken.mean;

/** Builds a table of one time of every contender: median and spread of the repeats. */
export function figuresTable(
  title: string,
  results: Results,
  of: (summary: Summary) => Figures,
  format: (milliseconds: number) => string = seconds,
): string {
  const rows = [...results].map(([name, summaries]) => {
    const shown = (read: (figures: Figures) => number) =>
      format(median(summaries.map((summary) => read(of(summary)))));
    const spread = (read: (figures: Figures) => number) => {
      const values = summaries.map((summary) => read(of(summary)));
      return `${format(Math.min(...values))} to ${format(Math.max(...values))}`;
    };
    return [
      name,
      shown(({ mean }) => mean),
      spread(({ mean }) => mean),
      shown(({ p50 }) => p50),
      shown(({ p90 }) => p90),
      shown(({ p99 }) => p99),
      spread(({ p99 }) => p99),
      `${(100 * median(summaries.map(({ hitRate }) => hitRate))).toFixed(0)}%`,
      String(summaries.reduce((sum, { failed }) => sum + failed, 0)),
    ];
  });
  const head = [title, "mean", "spread", "p50", "p90", "p99", "spread", "hits", "failed"];
  return table(head, rows);
}

/**
 * Builds a table of the mean and p99 of one time as ratios to the baselines.
 *
 * @param bound the contender that minimises this time
 */
export function ratiosTable(
  title: string,
  results: Results,
  of: (summary: Summary) => Figures,
  bound = CLAIRVOYANT,
): string {
  const references = [bound, ...REFERENCES].filter((name) => results.has(name));
  const head = references.flatMap((name) => [`mean × ${name}`, "p99"]);
  const rows = [...results.keys()].map((name) => [
    name,
    ...references.flatMap((reference) =>
      (["mean", "p99"] as const).map((figure) =>
        median(ratios(results, name, reference, (summary) => of(summary)[figure])!).toFixed(2)
      )
    ),
  ]);
  return table([title, ...head], rows);
}

/** Returns the ratio of a figure to the reference's, per repeat; `undefined` if one did not run. */
export function ratios(
  results: Results,
  name: string,
  reference: string,
  read: Read,
): number[] | undefined {
  const below = results.get(reference);
  return below && results.get(name)?.map((summary, index) => read(summary) / read(below[index]!));
}

function table(head: string[], rows: string[][]): string {
  const made = new Table({
    head,
    colAligns: head.map((_, index) => index === 0 ? "left" : "right"),
    style: { head: [], border: [], compact: true },
  });
  made.push(...rows);
  return made.toString();
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1);
}

/** Requests sent later than this, in real milliseconds, distort the replay. */
const LATE_MS = 10;
/** Above this, load and servers compete for CPU time, which affects every contender. */
const BUSY_CORES = 0.7;

/** Reports CPU use and lateness of a scenario's replays, with a warning if they spoil figures. */
export function effortLines(results: Results): string[] {
  const lines: string[] = [];
  for (const [name, summaries] of results) {
    const efforts = summaries.flatMap(({ effort }) => effort ?? []);
    if (efforts.length === 0) continue;
    const most = (read: (effort: Effort) => number) => Math.max(...efforts.map(read));
    const [late, load, own] = [
      most(({ lateMs }) => lateMs),
      most(({ loadCores }) => loadCores),
      most(({ contenderCores }) => contenderCores),
    ];
    lines.push(
      `${name}: at most ${late.toFixed(1)} ms late (p99), cores: servers and load ` +
        `${load.toFixed(2)}, contender ${own.toFixed(2)}`,
    );
    if (late > LATE_MS || load > BUSY_CORES) {
      lines.push(
        `WARNING: this machine was too busy while ${name} ran; repeat it, or take a lower --speed`,
      );
    }
  }
  return lines;
}
