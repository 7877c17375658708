import type { ServerSnapshot } from "../fleet/snapshot.ts";

/** Counts all and healthy servers. Draining servers are not counted. */
export function countServers(
  servers: readonly ServerSnapshot[],
): { readonly total: number; readonly healthy: number } {
  return {
    total: servers.filter(({ state }) => state !== "draining").length,
    healthy: servers.filter(({ state }) => state === "healthy").length,
  };
}
