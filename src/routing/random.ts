import { pick, type Policy } from "./policy.ts";

/** Creates a policy that picks any server, whatever its load. */
export function random(): Policy {
  return pick;
}
