import { policyNames } from "../../src/routing/policies.ts";
import type { Chooser, Surroundings } from "./chooser.ts";
import { fleetChooser } from "./fleet_chooser.ts";
import { leastConnections } from "./least_connections.ts";
import { HAPROXY, NGINX, PERFECT } from "./names.ts";
import { perfectChooser } from "./perfect.ts";

/** Returns how to create a contender in virtual time, or the reason as text why it cannot run. */
export function offlineContender(name: string): ((around: Surroundings) => Chooser) | string {
  if (name === PERFECT) return (surroundings) => perfectChooser(surroundings);
  if (name === NGINX) return leastConnections;
  if (name === HAPROXY) return "not modelled offline";
  if (!policyNames.includes(name)) return "no such policy";
  return (surroundings) => fleetChooser(name, surroundings);
}
