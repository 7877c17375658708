import type { ServerDetail } from "../../../src/monitor/server_detail.ts";
import type { Point } from "../../../src/monitor/terminal/trend.ts";
import type { ServerView, View } from "../../../src/monitor/view.ts";
import type { FailureView, KeyView, ModelView } from "../../../src/monitor/view_tables.ts";

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
    isAdminElsewhere: false,
    at: 100_000_000,
    startedAt: 0,
    totals: {
      servers: shown.length,
      healthy: shown.filter(({ state }) => state === "healthy").length,
      noneHealthySince: null,
      atServers: 9,
      capacity: 20,
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
    sources: [],
    peers: [],
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

/** Returns an idle model of one healthy server, except for the given fields. */
export function modelOf(model: Partial<ModelView> = {}): ModelView {
  return {
    name: "small-model",
    servers: 1,
    healthy: 1,
    requestsPerSecond: 0,
    failedShare: null,
    firstToken: NO_FIRST_TOKEN,
    ...model,
  };
}

/** Returns an unused key, except for the given fields. */
export function keyOf(key: Partial<KeyView> = {}): KeyView {
  return {
    name: "alice",
    requests: 0,
    requestsPerSecond: 0,
    tokensLastMinute: 0,
    limitShare: null,
    ...key,
  };
}

/** Returns a failed request at `gpu-1`, except for the given fields. */
export function failureOf(failure: Partial<FailureView> = {}): FailureView {
  return {
    at: 100_000_000,
    id: "request-1",
    path: "/v1/chat/completions",
    model: "small-model",
    key: null,
    server: "gpu-1",
    attempts: 2,
    status: 502,
    reason: "no connection",
    ...failure,
  };
}

/** Returns what a router tells of a server that failed a few times. */
export function detailOf(detail: Partial<ServerDetail> = {}): ServerDetail {
  return {
    url: "http://gpu-1:8000",
    engine: "vllm",
    attempts: { ok: 1_204, refused: 12, truncated: 2 },
    checks: {
      total: 240,
      failedInARow: 6,
      successRate: 0.7,
      meanMs: 4.2,
      lastMs: 3,
      lastAt: 100_000_000 - 900,
    },
    pace: { prefillTokensPerSecond: 8_123.4, interTokenMs: 12.3, startMs: 45 },
    prefixCache: { blocks: 12_345, predictedHitRate: 0.51, realHitRate: null },
    scrapedAt: 100_000_000 - 1_000,
    modelsAt: null,
    ...detail,
  };
}

/** Returns 15 minutes of points up to a time; `age` is in seconds. */
export function pointsUntil(at: number, pointAt: (age: number) => Partial<Point>): Point[] {
  return Array.from({ length: 900 }, (_, i) => ({
    at: at - (899 - i) * 1_000,
    requestsPerSecond: 0,
    failedPerSecond: 0,
    tokensPerSecond: 0,
    firstTokenP95: null,
    waiting: 0,
    ...pointAt(899 - i),
  }));
}
