import type { Fleet } from "./fleet/fleet.ts";
import type { StatePart } from "./state_file.ts";
import { monotonicMs } from "./util/clock.ts";

/** What a fleet has learned of its servers. */
export function estimatesOf(fleet: Fleet): StatePart {
  return {
    save: () => fleet.estimates.save(fleet.servers),
    restore: (saved) => fleet.estimates.restore(fleet.servers, saved, monotonicMs()),
  };
}
