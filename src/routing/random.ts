import { pick, type Policy } from "./policy.ts";

/** Any server, whatever its load. */
export function random(): Policy {
  return pick;
}
