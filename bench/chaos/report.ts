import Table from "cli-table3";
import type { Findings } from "./check.ts";
import type { Run } from "./run.ts";
import type { Schedule } from "./schedule.ts";

const PLAIN = { head: [], border: [] };
/** The number of examples shown per problem; further ones are only counted. */
const SAMPLES = 3;

/** Formats the tables of a run. */
export function report(run: Run, schedule: Schedule, findings: Findings): string {
  return [
    requestsTable(run, findings),
    serversTable(run, findings),
    `Troubles: ${count(schedule.strikes.map(({ name }) => name))}`,
    `Moved on: ${count([...run.router.log.moved.values()].flat().map(({ reason }) => reason))}`,
    `States entered: ${count(run.router.log.states.map(({ to }) => to))}`,
    freeingLine(findings),
    recoveryLine(findings),
    problemsOf(findings),
  ].join("\n\n");
}

function requestsTable({ asked, router }: Run, { fates }: Findings): string {
  const table = new Table({ colAligns: ["left", "right"], style: PLAIN });
  const failovers = [...router.log.moved.values()].reduce((sum, moves) => sum + moves.length, 0);
  table.push(["requests", asked.length]);
  for (const [fate, number] of [...fates].sort((a, b) => b[1] - a[1])) table.push([fate, number]);
  table.push(["failovers", failovers]);
  return table.toString();
}

function serversTable({ servers }: Run, { aborts }: Findings): string {
  const table = new Table({
    head: ["server", "received", "finished", "failed", "aborted", "= clients left", "+ given up"],
    colAligns: ["left", "right", "right", "right", "right", "right", "right"],
    style: PLAIN,
  });
  servers.simulators.forEach((simulator, server) => {
    const { received, finished, failed } = simulator.state();
    const { aborted, left, givenUp } = aborts[server]!;
    table.push([server, received, finished, failed, aborted, left, givenUp]);
  });
  return table.toString();
}

function freeingLine({ freeing }: Findings): string {
  if (freeing.length === 0) return "No client left a server at work.";
  const at = (share: number) => Math.round(freeing[Math.floor(share * (freeing.length - 1))]!);
  return `Servers freed after their client left: half within ${at(0.5)} ms, ` +
    `99% within ${at(0.99)} ms, all within ${at(1)} ms.`;
}

function recoveryLine({ secondsOut }: Findings): string {
  const longest = Math.max(0, ...secondsOut);
  const mean = secondsOut.reduce((sum, seconds) => sum + seconds, 0) / (secondsOut.length || 1);
  return `Servers free of faults were used again after ${mean.toFixed(1)} s on average, ` +
    `${longest.toFixed(1)} s at the most.`;
}

function problemsOf({ problems }: Findings): string {
  if (problems.length === 0) return "Nothing was lost.";
  const lines = [`${problems.length} problems:`];
  for (const [what, alike] of Map.groupBy(problems, ({ what }) => what)) {
    lines.push(`- ${alike.length} × ${what}`);
    const stories = alike.flatMap(({ story }) => story ?? []);
    lines.push(...stories.slice(0, SAMPLES).map((story) => `    ${story}`));
  }
  return lines.join("\n");
}

function count(names: readonly string[]): string {
  const counts = Map.groupBy(names, (name) => name);
  return [...counts].sort().map(([name, all]) => `${name} ${all.length}`).join(", ") || "none";
}
