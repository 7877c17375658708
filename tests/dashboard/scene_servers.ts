import type { History } from "../../src/monitor/history.ts";
import type { ServerDetail } from "../../src/monitor/server_detail.ts";
import type { ServerView, View } from "../../src/monitor/view.ts";
import type { EventView } from "../../src/monitor/view_tables.ts";

/** The models of made-up servers. */
export const MODELS = ["qwen3-32b", "llama-3.1-8b"];
const POINTS = 900;
const MINUTE = 60_000;
const WHY = "3 checks failed in a row: Connection refused";

/** Returns a wave between 0 and 1. */
const wave = (at: number, period: number) => 0.5 + 0.5 * Math.sin(at * 2 * Math.PI / period);

/** Returns a server. */
export function serverOf(index: number, isDown: boolean, at: number): ServerView {
  const capacity = 8 + index % 3 * 8;
  const running = isDown ? 0 : Math.round(capacity * (0.3 + index * 7 % 10 / 14));
  const waiting = isDown ? 0 : Math.max(0, index * 5 % 7 - 4);
  return {
    url: `http://10.20.${index >> 4}.${10 + index}:8000`,
    name: `${["a100", "h100", "l40s"][index % 3]}-${index + 1}`,
    state: isDown ? "unhealthy" : "healthy",
    reason: isDown ? WHY : "check passed",
    since: isDown ? at - 34_000 - index * 900 : at - 50 * MINUTE,
    running,
    waiting,
    capacity,
    usage: (running + waiting) / capacity,
    inFlight: running,
    pendingTokens: isDown ? 0 : index * 331 % 4_000,
    kvCacheUsage: isDown ? null : (0.2 + index * 13 % 60 / 100),
    prefixHitRate: isDown ? null : 0.88,
    firstToken: isDown
      ? { p50: null, p95: null, p99: null }
      : { p50: 36 + index, p95: 640, p99: 1_100 },
    tokensPerSecond: isDown ? null : 290 + index,
    errors: isDown ? 3 : 0,
    models: [MODELS[index % 2]!],
  };
}

/** Returns the last quarter of an hour up to a view. */
export function historyOf({ at, totals, servers }: View, changes: readonly EventView[]): History {
  const times = Array.from({ length: POINTS }, (_, i) => at - (POINTS - 1 - i) * 1_000);
  const row = (scale: number, period: number) =>
    times.map((_, i) =>
      Math.round(scale * (0.7 + 0.4 * wave(i, period) + 0.1 * wave(i, 13)) * 10) / 10
    );
  const isOver = (time: number) =>
    totals.noneHealthySince !== null && time > totals.noneHealthySince;
  const until = <T>(values: readonly number[], after: T) =>
    values.map((value, i) => isOver(times[i]!) ? after : value);
  const scale = servers.length;
  return {
    times,
    requestsPerSecond: until(row(scale * 3, 240), 0),
    okPerSecond: until(row(scale * 3, 240), 0),
    clientErrorsPerSecond: row(0.2 * scale, 90),
    clientClosedPerSecond: row(0.1 * scale, 70),
    failedPerSecond: times.map((time) => changes.length > 0 && time > at - 34_000 ? scale / 2 : 0),
    tokensPerSecond: until(row(scale * 310, 240), 0),
    firstTokenP50: until(row(42, 300), null),
    firstTokenP95: until(row(640, 200), null),
    firstTokenP99: until(row(980, 150), null),
    servers: servers.map(({ url, name, capacity, since, state }, index) => {
      const live = <T>(values: readonly number[], after: T) =>
        values.map((value, i) => state !== "healthy" && times[i]! > since ? after : value);
      return {
        url,
        name,
        inFlight: live(row(capacity * 0.5, 200 + index * 17).map(Math.round), 0),
        waiting: live(
          row(2, 90 + index * 11).map((value) => Math.max(0, Math.round(value) - 1)),
          0,
        ),
        kvCacheUsage: live(row(0.4, 260 + index * 9), null),
      };
    }),
    changes,
  };
}

/** Returns what is known of a server. */
export function detailOf(url: string, at: number): ServerDetail {
  return {
    url,
    engine: "vllm",
    attempts: { ok: 12_345, client_error: 12, client_closed: 31, refused: 3, truncated: 1 },
    checks: {
      total: 311,
      failedInARow: 3,
      successRate: 0.7,
      meanMs: 2.1,
      lastMs: 1.7,
      lastAt: at - 3_000,
    },
    pace: { prefillTokensPerSecond: 9_120, interTokenMs: 18.2, startMs: 24 },
    prefixCache: { blocks: 4_120, predictedHitRate: 0.87, realHitRate: 0.89 },
    scrapedAt: at - 500,
    modelsAt: at - 22_000,
  };
}
