import Table from "cli-table3";
import type { Held } from "./gateway.ts";
import { growth, secondHalf } from "./growth.ts";
import type { Fates } from "./load.ts";

/** Result of a soak test. */
export interface Soaked {
  readonly fates: Readonly<Fates>;
  readonly seconds: number;
  /** Requests ended by a simulated server's fault. */
  readonly failed: number;
  /** Samples, each taken after the same number of requests, with none under way. */
  readonly samples: readonly Held[];
  /** The idle router after a few requests, with all their connections closed. */
  readonly idle: Held;
  /** The router at the end. */
  readonly last: Held;
  /** Requests still at the simulated servers. */
  readonly leftAtServers: number;
  /** Problem of the router's exit, if any. */
  readonly ending: string | undefined;
}

/** Maximum growth of memory over the second half. */
const MOST_GROWTH = 0.05;
const MEMORY = ["rss", "heap", "external"] as const;

const sum = (fates: Readonly<Fates>) => Object.values(fates).reduce((a, b) => a + b, 0);

/** Returns all problems, one sentence each. */
export function problemsOf(
  { fates, samples, idle, last, leftAtServers, ending }: Soaked,
): string[] {
  const problems = MEMORY.flatMap((kind) => {
    const share = growth(secondHalf(samples).map((held) => held[kind]));
    return share > MOST_GROWTH
      ? [`${kind} grew by ${percent(share)} over the second half, expected at most 5%`]
      : [];
  });
  if (fates.wrong > 0) problems.push(`${fates.wrong} requests ended in an unexpected way`);
  if (last.inFlight > 0) problems.push(`the router counts ${last.inFlight} requests in flight`);
  if (leftAtServers > 0) problems.push(`servers still have ${leftAtServers} requests`);
  if (last.descriptors > idle.descriptors) {
    problems.push(
      `${last.descriptors} descriptors are open, expected at most ${idle.descriptors}`,
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
