import type { ServerSnapshot } from "../fleet/snapshot.ts";

/** How many servers there are and how many are healthy. One that drains is no longer counted. */
export function countServers(
  servers: readonly ServerSnapshot[],
): { readonly total: number; readonly healthy: number } {
  return {
    total: servers.filter(({ state }) => state !== "draining").length,
    healthy: servers.filter(({ state }) => state === "healthy").length,
  };
}
