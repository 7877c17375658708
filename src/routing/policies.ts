import { leastLoad } from "./least_load.ts";
import { leastWork } from "./least_work.ts";
import type { Policy } from "./policy.ts";
import { random } from "./random.ts";
import { randomBelowHalf } from "./random_below_half.ts";
import { roundRobin } from "./round_robin.ts";

/** Policies by their name in `policy` of `[config]`. */
const policies: ReadonlyMap<string, () => Policy> = new Map([
  ["least_work", leastWork],
  ["least_load", leastLoad],
  ["round_robin", roundRobin],
  ["random", random],
  ["random_below_half", randomBelowHalf],
]);

export const policyNames: readonly string[] = [...policies.keys()];

/** Creates the policy with this name. Throws a `RangeError` for an unknown name. */
export function createPolicy(name: string): Policy {
  const create = policies.get(name);
  if (!create) throw new RangeError(`No policy is named "${name}"`);
  return create();
}
