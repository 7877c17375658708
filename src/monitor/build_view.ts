import { hasCapacity } from "../fleet/state/server.ts";
import type { FleetSnapshot, ServerSnapshot } from "../fleet/snapshot.ts";
import type { ServerStatistics, Statistics } from "./statistics.ts";
import type { EventView, Identity, KeyView, ServerView, Totals, View } from "./view.ts";

/** Builds the view that every screen shows. */
export function buildView(
  identity: Identity,
  at: number,
  { servers }: FleetSnapshot,
  statistics: Statistics,
  events: readonly EventView[],
  keys: readonly KeyView[],
): View {
  const shown = servers.map((server) => serverView(server, statistics.of(server.url)));
  return { ...identity, at, totals: totalsOf(shown, statistics), servers: shown, events, keys };
}

function serverView(server: ServerSnapshot, statistics: ServerStatistics): ServerView {
  const { url, name, state, reason, running, waiting, capacity, inFlight, models } = server;
  return {
    url,
    name,
    state,
    reason,
    running,
    waiting,
    capacity,
    usage: (running + waiting) / capacity,
    inFlight,
    pendingTokens: Math.round(server.work.pendingTokens),
    kvCacheUsage: server.scrape?.kvCacheUsage ?? null,
    ...statistics,
    models: [...models.keys()],
  };
}

function totalsOf(servers: readonly ServerView[], statistics: Statistics): Totals {
  const counted = servers.filter(({ state }) => state !== "draining");
  const sum = (all: readonly ServerView[], of: (server: ServerView) => number) =>
    all.reduce((total, server) => total + of(server), 0);
  const capacity = sum(
    counted.filter(({ state }) => hasCapacity(state)),
    (server) => server.capacity,
  );
  return {
    servers: counted.length,
    healthy: counted.filter(({ state }) => state === "healthy").length,
    load: capacity === 0 ? 0 : sum(counted, (s) => s.running + s.waiting) / capacity,
    inFlight: sum(servers, (server) => server.inFlight),
    pendingTokens: sum(servers, (server) => server.pendingTokens),
    requestsPerSecond: statistics.requestsPerSecond(),
    tokensPerSecond: sum(servers, (server) => server.tokensPerSecond ?? 0),
    requests: statistics.requests,
    failovers: statistics.failovers,
    firstToken: statistics.fleetFirstToken(),
  };
}
