import { isRoutable } from "../fleet/state/server.ts";
import type { FleetSnapshot, ServerSnapshot } from "../fleet/snapshot.ts";
import type { ServerStatistics, Statistics } from "./statistics.ts";
import type { Identity, ServerView, Totals, View } from "./view.ts";

/** Builds the view that every screen shows. */
export function buildView(
  identity: Identity,
  at: number,
  { servers }: FleetSnapshot,
  statistics: Statistics,
  noneHealthySince: number | null,
  tables: Pick<View, "events" | "keys" | "models" | "failures" | "sources" | "peers">,
): View {
  const shown = servers.map((server) => serverView(server, statistics.of(server.url)));
  const totals = { ...totalsOf(shown, statistics), noneHealthySince };
  return { ...identity, at, totals, servers: shown, ...tables };
}

function serverView(server: ServerSnapshot, statistics: ServerStatistics): ServerView {
  const { url, name, state, reason, stateSince, running, waiting, capacity, inFlight, models } =
    server;
  return {
    url,
    name,
    state,
    reason,
    since: Math.round(stateSince),
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

function totalsOf(
  servers: readonly ServerView[],
  statistics: Statistics,
): Omit<Totals, "noneHealthySince"> {
  const { answers } = statistics;
  const rates = answers.perSecond();
  const { ended, failed } = answers.lastMinute();
  const counted = servers.filter(({ state }) => state !== "draining");
  const sum = (all: readonly ServerView[], of: (server: ServerView) => number) =>
    all.reduce((total, server) => total + of(server), 0);
  // Not of those that are out: the others may be full.
  const taking = counted.filter(({ state }) => isRoutable(state));
  const capacity = sum(taking, (server) => server.capacity);
  const atServers = sum(counted, ({ running, waiting }) => running + waiting);
  return {
    servers: counted.length,
    healthy: counted.filter(({ state }) => state === "healthy").length,
    atServers,
    capacity,
    load: capacity === 0 ? 0 : atServers / capacity,
    inFlight: sum(servers, (server) => server.inFlight),
    waiting: sum(counted, (server) => server.waiting),
    pendingTokens: sum(servers, (server) => server.pendingTokens),
    requestsPerSecond: rates.all,
    answersPerSecond: rates.by,
    tokensPerSecond: sum(servers, (server) => server.tokensPerSecond ?? 0),
    requests: answers.total(),
    failedLastMinute: failed,
    failedShare: ended === 0 ? null : failed / ended,
    failovers: statistics.failovers,
    firstToken: statistics.fleetFirstToken(),
  };
}
