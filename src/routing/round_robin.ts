import type { Candidate, Policy } from "./policy.ts";

/** Each server in turn, whatever its load; servers that come and go don't disturb the turn. */
export function roundRobin(): Policy {
  let lastId = -1;
  return <C extends Candidate>(candidates: readonly C[]) => {
    const lowest = (a: C | undefined, b: C) => a && a.id < b.id ? a : b;
    const next = candidates.filter((candidate) => candidate.id > lastId)
      .reduce<C | undefined>(lowest, undefined) ?? candidates.reduce(lowest);
    lastId = next.id;
    return next;
  };
}
