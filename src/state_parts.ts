import type { AddedServers } from "./discovery/added/added_servers.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { StatePart } from "./state_file.ts";
import { monotonicMs } from "./util/clock.ts";

/**
 * What a fleet has learned of its servers.
 *
 * @param areAllNamed whether all sources have reported their servers: others are forgotten then
 */
export function estimatesOf(fleet: Fleet, areAllNamed: () => boolean): StatePart {
  return {
    save: () => fleet.estimates.save(fleet.servers, !areAllNamed()),
    restore: (saved) => fleet.estimates.restore(fleet.servers, saved, monotonicMs()),
  };
}

/** The servers that were added over the API. */
export function addedOf(added: AddedServers): StatePart {
  return { save: added.save, restore: added.restore };
}
