import Table from "cli-table3";
import type { Held } from "./gateway.ts";
import { growth, secondHalf } from "./growth.ts";
import type { Fates } from "./load.ts";

/** What a soak brought to light. */
export interface Soaked {
  readonly fates: Readonly<Fates>;
  readonly seconds: number;
  /** Ended by a simulated server's fault. */
  readonly failed: number;
  /** Each taken after the same number of requests, with nothing under way. */
  readonly samples: readonly Held[];
  /** After a few requests, with all connections of theirs closed. */
  readonly idle: Held;
  /** When all was over. */
  readonly last: Held;
  /** Requests that simulated servers still had. */
  readonly leftAtServers: number;
  /** What was wrong with how the router ended. */
  readonly ending: string | undefined;
}

/** What memory may grow by over the second half. */
const MOST_GROWTH = 0.05;
const MEMORY = ["rss", "heap", "external"] as const;

const sum = (fates: Readonly<Fates>) => Object.values(fates).reduce((a, b) => a + b, 0);

/** Everything that should not be, one sentence each. */
export function problemsOf(
  { fates, samples, idle, last, leftAtServers, ending }: Soaked,
): string[] {
  const problems = MEMORY.flatMap((kind) => {
    const share = growth(secondHalf(samples).map((held) => held[kind]));
    return share > MOST_GROWTH
      ? [`${kind} grew by ${percent(share)} over the second half, expected at most 5%`]
      : [];
  });
  if (fates.wrong > 0) problems.push(`${fates.wrong} requests ended as none should`);
  if (last.inFlight > 0) problems.push(`the router counts ${last.inFlight} requests in flight`);
  if (leftAtServers > 0) problems.push(`servers still have ${leftAtServers} requests`);
  if (last.descriptors > idle.descriptors) {
    problems.push(
      `${last.descriptors} descriptors are open, ${idle.descriptors} were when it was idle before`,
    );
  }
  if (ending) problems.push(ending);
  return problems;
}

export function report(soaked: Soaked): string {
  const { fates, seconds, failed, samples, idle, last } = soaked;
  const requests = sum(fates);
  const counts = new Table({ colAligns: ["left", "right", "right"], style: PLAIN });
  const share = (count: number) => percent(count / requests);
  counts.push(["requests", requests, `${Math.round(requests / seconds)}/s`]);
  for (const [fate, count] of Object.entries(fates)) counts.push([fate, count, share(count)]);
  counts.push(["failed attempts", failed, share(failed)]);

  const memory = new Table({
    head: ["router, MB", "idle", "half way", "at the end", "grew over the second half"],
    colAligns: ["left", "right", "right", "right", "right"],
    style: PLAIN,
  });
  for (const kind of MEMORY) {
    const half = secondHalf(samples).map((held) => held[kind]);
    const row = [idle[kind], half[0]!, half.at(-1)!].map((bytes) => (bytes / 2 ** 20).toFixed(1));
    memory.push([kind, ...row, percent(growth(half))]);
  }
  const problems = problemsOf(soaked);
  return [
    counts.toString(),
    memory.toString(),
    `Descriptors: ${idle.descriptors} idle, ${last.descriptors} at the end. ` +
    `In flight at the end: ${last.inFlight}.`,
    problems.length === 0
      ? "Nothing is left."
      : ["Problems:", ...problems.map((problem) => `- ${problem}`)].join("\n"),
  ].join("\n\n");
}

const PLAIN = { head: [], border: [] };

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
