import type { ServerView, View } from "../../../src/monitor/view.ts";

const NO_FIRST_TOKEN = { p50: null, p95: null, p99: null };

/** Returns a healthy, idle server, except for the given fields. */
export function serverOf(server: Partial<ServerView> = {}): ServerView {
  const { running = 0, waiting = 0, capacity = 10 } = server;
  return {
    url: "http://gpu-1:8000",
    name: "gpu-1",
    state: "healthy",
    reason: "check passed",
    since: 0,
    running,
    waiting,
    capacity,
    usage: (running + waiting) / capacity,
    inFlight: running + waiting,
    pendingTokens: 0,
    kvCacheUsage: 0.25,
    prefixHitRate: 0.5,
    firstToken: { p50: 85, p95: 1_230, p99: 2_000 },
    tokensPerSecond: 1_234,
    errors: 0,
    models: ["small-model"],
    ...server,
  };
}

/** Returns the view of the servers. */
export function viewOf(
  servers: readonly Partial<ServerView>[],
  { totals, ...view }: Partial<Omit<View, "totals">> & { totals?: Partial<View["totals"]> } = {},
): View {
  const shown = servers.map((server, index) =>
    serverOf({ name: `gpu-${index + 1}`, url: `http://gpu-${index + 1}:8000`, ...server })
  );
  return {
    version: "1.2.3",
    address: "http://0.0.0.0:8888",
    at: 100_000_000,
    startedAt: 0,
    totals: {
      servers: shown.length,
      healthy: shown.filter(({ state }) => state === "healthy").length,
      noneHealthySince: null,
      load: 0.45,
      inFlight: 0,
      waiting: shown.reduce((sum, { waiting }) => sum + waiting, 0),
      pendingTokens: shown.reduce((sum, { pendingTokens }) => sum + pendingTokens, 0),
      requestsPerSecond: 12.3,
      answersPerSecond: { ok: 12.3, clientErrors: 0, clientClosed: 0, failed: 0 },
      tokensPerSecond: 4_321,
      requests: 1_000,
      failedLastMinute: 0,
      failedShare: 0,
      failovers: 2,
      firstToken: NO_FIRST_TOKEN,
      ...totals,
    },
    servers: shown,
    keys: [],
    models: [],
    failures: [],
    events: [{
      at: 0,
      kind: "failover",
      tone: "bad",
      text: "Request moved to gpu-2",
      servers: ["gpu-2"],
    }],
    ...view,
  };
}

/** Returns `count` servers, every tenth unhealthy. */
export function manyServers(count: number): Partial<ServerView>[] {
  return Array.from({ length: count }, (_, index) => ({
    state: index % 10 === 9 ? "unhealthy" : "healthy",
    running: index % 10,
  }));
}
