import { createStatistics, type Statistics } from "../../src/monitor/statistics.ts";
import type { View } from "../../src/monitor/view.ts";
import { buildView } from "../../src/monitor/build_view.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { FleetSnapshot, ServerSnapshot } from "../../src/fleet/snapshot.ts";
import { configOf } from "../support/config.ts";

export const IDENTITY = {
  version: "1.2.3",
  address: "http://127.0.0.1:8888",
  isAdminElsewhere: false,
  startedAt: 5,
};

/** Returns a snapshot of servers about which only the given fields are known. */
export function snapshotWith(
  servers: readonly (Partial<ServerSnapshot> & { readonly url: string })[],
): FleetSnapshot {
  const config = configOf(servers.map(({ url }) => ({ url })));
  const { servers: known, ...more } = new Fleet({ config, now: () => 0 }).snapshot();
  return { ...more, servers: known.map((server, i) => ({ ...server, ...servers[i] })) };
}

export function viewOf(
  servers: Parameters<typeof snapshotWith>[0],
  { at = 0, statistics = createStatistics(() => 0) }: { at?: number; statistics?: Statistics } = {},
): View {
  const tables = { events: [], keys: [], models: [], failures: [], sources: [], peers: [] };
  return buildView(IDENTITY, at, snapshotWith(servers), statistics, null, tables);
}

/** Returns a scrape with default values, except for the given fields. */
export function scrapeOf(
  told: Partial<NonNullable<ServerSnapshot["scrape"]>> = {},
): NonNullable<ServerSnapshot["scrape"]> {
  return {
    running: 0,
    waiting: 0,
    kvCacheUsage: undefined,
    maxFds: undefined,
    ownInFlight: 0,
    at: 0,
    ...told,
  };
}
