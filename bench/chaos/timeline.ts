import type { Run } from "./run.ts";
import type { Schedule } from "./schedule.ts";

/** Lists troubles and the router's state changes in order, one per line. */
export function timeline({ router, startedAt }: Run, schedule: Schedule): string {
  const lines = [
    ...schedule.strikes.flatMap(({ from, to, server, trouble }) => {
      const { kind, ...parameters } = trouble;
      const named = Object.entries(parameters).map(([name, value]) => ` ${name}=${value}`).join("");
      return [
        { at: from, server, what: `${kind}${named} until ${to.toFixed(2)} s` },
        { at: to, server, what: `${kind} ends` },
      ];
    }),
    ...schedule.faultFree.map(({ from, to, server }) => {
      return { at: from, server, what: `free of faults until ${to.toFixed(2)} s` };
    }),
    ...router.log.states.map(({ at, server, to, reason }) => {
      const seconds = (at - startedAt) / 1000;
      return { at: seconds, server, what: `-> ${to}: ${reason}` };
    }),
  ];
  return lines.sort((a, b) => a.at - b.at)
    .map(({ at, server, what }) => `${at.toFixed(2).padStart(6)} s  server ${server}  ${what}`)
    .join("\n");
}
