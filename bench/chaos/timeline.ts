import type { Plan } from "./plan.ts";
import type { Run } from "./run.ts";

/** Lists troubles and the router's state changes in order, one per line. */
export function timeline({ disturbing, routers, startedAt }: Run, plan: Plan): string {
  const lines = [
    ...plan.strikes.flatMap(({ from, to, server, trouble }) => {
      const { kind, ...parameters } = trouble;
      const named = Object.entries(parameters).map(([name, value]) => ` ${name}=${value}`).join("");
      return [
        { at: from, who: `server ${server}`, what: `${kind}${named} until ${to.toFixed(2)} s` },
        { at: to, who: `server ${server}`, what: `${kind} ends` },
      ];
    }),
    ...disturbing.disturbed.map(({ from, to, router, kind }) => {
      const until = ((to - startedAt) / 1000).toFixed(2);
      return {
        at: (from - startedAt) / 1000,
        who: `router ${router}`,
        what: `${kind} until ${until} s`,
      };
    }),
    ...plan.faultFree.map(({ from, to, server }) => {
      return { at: from, who: `server ${server}`, what: `free of faults until ${to.toFixed(2)} s` };
    }),
    ...routers.members.flatMap(({ log }, router) =>
      log.peers.map(({ at, what }) => ({
        at: (at - startedAt) / 1000,
        who: `router ${router}`,
        what,
      }))
    ),
    ...routers.members.flatMap(({ log }, router) =>
      log.states.map(({ at, server, to, reason }) => {
        const seconds = (at - startedAt) / 1000;
        return { at: seconds, who: `server ${server}`, what: `-> ${to} at ${router}: ${reason}` };
      })
    ),
  ];
  return lines.sort((a, b) => a.at - b.at)
    .map(({ at, who, what }) => `${at.toFixed(2).padStart(6)} s  ${who}  ${what}`)
    .join("\n");
}
