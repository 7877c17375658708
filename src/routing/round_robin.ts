import type { Candidate, Policy } from "./policy.ts";

/** Creates a policy that picks servers in turn. Changes of the fleet don't disturb the order. */
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
