import Table from "cli-table3";
import type { Findings } from "./check.ts";
import type { Plan } from "./plan.ts";
import type { Run } from "./run.ts";

const PLAIN = { head: [], border: [] };
/** The number of examples shown per problem; further ones are only counted. */
const SAMPLES = 3;

/** Formats the tables of a run. */
export function report(run: Run, plan: Plan, findings: Findings): string {
  const logs = run.routers.members.map(({ log }) => log);
  const moved = logs.flatMap((log) => [...log.moved.values()].flat());
  return [
    requestsTable(run, findings),
    phasesTable(findings),
    serversTable(run, findings),
    `Troubles of servers: ${count(plan.strikes.map(({ name }) => name))}`,
    `Troubles of routers: ${count(run.disturbing.disturbed.map(({ kind }) => kind))}`,
    `Moved on: ${count(moved.map(({ reason }) => reason))}`,
    `States entered: ${count(logs.flatMap(({ states }) => states).map(({ to }) => to))}`,
    freeingLine(findings),
    recoveryLine(findings),
    ...peersLines(run, findings),
    problemsOf(findings),
  ].join("\n\n");
}

function requestsTable({ asked }: Run, { fates }: Findings): string {
  const table = new Table({ colAligns: ["left", "right"], style: PLAIN });
  table.push(["requests", asked.length]);
  for (const [fate, number] of [...fates].sort((a, b) => b[1] - a[1])) table.push([fate, number]);
  return table.toString();
}

function phasesTable({ phases }: Findings): string {
  const heads = ["requests", "streams", "answered", "moved", "continued", "broken"];
  const table = new Table({
    head: ["", ...heads, "lost with router", "lost"],
    colAligns: ["left", ...Array(8).fill("right")],
    style: PLAIN,
  });
  for (const { name, requests, streams, answered, moved, continued, ...bad } of phases) {
    const { broken, lostWithRouter, lost } = bad;
    table.push([
      name,
      ...[requests, streams, answered, moved, continued, broken, lostWithRouter, lost],
    ]);
  }
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

/** Says how long routers believed in peers that were away, and what requests noticed of it. */
function peersLines({ disturbing }: Run, { waits: { calm, troubled } }: Findings): string[] {
  if (troubled.length === 0) return [];
  const at = (waits: readonly number[]) =>
    [0.5, 0.99, 1].map((share) => Math.round(waits[Math.floor(share * (waits.length - 1))] ?? 0));
  const described = ([median, most, all]: readonly number[]) =>
    `half up to ${median} ms, 99% up to ${most} ms, all up to ${all} ms`;
  return [
    `Peers that were away counted for ${disturbing.knownAfterMs.map(Math.round).join(", ")} ms.`,
    `Requests took longer than their tokens by: ${described(at(troubled))} beside peers in ` +
    `trouble; ${described(at(calm))} before.`,
  ];
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
