import type { History } from "../../src/monitor/history.ts";
import type { ServerDetail } from "../../src/monitor/server_detail.ts";
import type { View } from "../../src/monitor/view.ts";
import type { EventView, FailureView } from "../../src/monitor/view_tables.ts";
import { detailOf, historyOf, MODELS, serverOf } from "./scene_servers.ts";

/** How a fleet fares: all well, one server down, or all of them. */
export const SITUATIONS = ["healthy", "one down", "all down"] as const;

export type Situation = typeof SITUATIONS[number];

/** What a page shows. */
export interface Scene {
  readonly view: View;
  readonly history: History;
  detail(url: string): ServerDetail | undefined;
}

const MINUTE = 60_000;

/** Returns a made-up fleet of this size, the same at each call. */
export function sceneOf(
  size: number,
  situation: Situation,
  at: number = Date.UTC(2026, 10, 28, 10, 33),
): Scene {
  const isDown = (index: number) =>
    situation === "all down" || situation === "one down" && index === 1;
  const servers = Array.from({ length: size }, (_, index) => serverOf(index, isDown(index), at));
  const down = servers.filter(({ state }) => state === "unhealthy");
  const changes = down.slice(0, 40).map(({ name, since, reason }): EventView => ({
    at: since,
    kind: "change",
    tone: "bad",
    text: `${name} is unhealthy, was healthy: ${reason}`,
    servers: [name],
  }));
  const failures = situation === "healthy"
    ? []
    : Array.from({ length: 12 }, (_, i) => failureOf(i, at));
  const healthy = size - down.length;
  const view: View = {
    version: "0.1.0",
    address: "http://0.0.0.0:8888",
    isAdminElsewhere: false,
    at,
    startedAt: at - 52 * 60 * MINUTE,
    totals: {
      servers: size,
      healthy,
      noneHealthySince: healthy === 0 ? at - 34_000 : null,
      atServers: healthy * 5,
      capacity: healthy * 8,
      load: healthy === 0 ? 0 : 0.62,
      inFlight: healthy * 4,
      waiting: healthy,
      pendingTokens: healthy * 900,
      requestsPerSecond: healthy * 3.1,
      answersPerSecond: {
        ok: healthy * 3,
        clientErrors: 0.2,
        clientClosed: 0.1,
        failed: down.length * 1.4,
      },
      tokensPerSecond: healthy * 310,
      requests: 123_456,
      failedLastMinute: failures.length,
      failedShare: healthy === 0 ? 1 : failures.length / 400,
      failovers: down.length * 3,
      firstToken: healthy === 0
        ? { p50: null, p95: null, p99: null }
        : { p50: 42, p95: 834, p99: 1_280 },
    },
    servers,
    events: [
      ...changes.map((change) => ({
        ...change,
        at: change.at + 200,
        kind: "failover" as const,
        text: `3 requests moved from ${change.servers[0]}: no connection`,
      })).slice(0, 3),
      ...changes,
      {
        at: at - 10 * MINUTE,
        kind: "state" as const,
        tone: "plain" as const,
        text: `${servers.slice(0, 2).map(({ name }) => name).join(", ")} and ${
          size - 2
        } more are healthy: check passed`,
        servers: servers.slice(0, 2).map(({ name }) => name),
      },
    ].slice(0, 50),
    keys: [
      {
        name: "team-search",
        requests: 1_932,
        requestsPerSecond: 4.2,
        tokensLastMinute: 61_234,
        limitShare: 0.82,
      },
      {
        name: "nightly-evaluation",
        requests: 210,
        requestsPerSecond: 0.4,
        tokensLastMinute: 9_211,
        limitShare: null,
      },
    ],
    models: MODELS.map((name) => {
      const of = servers.filter(({ models }) => models.includes(name));
      const well = of.filter(({ state }) => state === "healthy").length;
      return {
        name,
        servers: of.length,
        healthy: well,
        requestsPerSecond: well * 3,
        failedShare: well === of.length ? 0 : 0.031,
        firstToken: well === 0
          ? { p50: null, p95: null, p99: null }
          : { p50: 41, p95: 802, p99: 990 },
      };
    }),
    failures,
    sources: [],
    peers: [],
  };
  return { view, history: historyOf(view, changes), detail: (url) => detailOf(url, at) };
}

function failureOf(index: number, at: number): FailureView {
  return {
    at: at - 1_000 - index * 2_700,
    id: `0197f3a2-7c1e-7b44-9d1${index.toString(16)}-6f0c2b9a4e${10 + index}`,
    path: "/v1/chat/completions",
    model: MODELS[index % 2]!,
    key: index % 3 === 0 ? "team-search" : null,
    server: index % 4 === 3 ? null : index % 2 === 0 ? "h100-2" : "a100-1",
    attempts: index % 4 === 3 ? 0 : 2,
    status: [502, 503, 504, 503][index % 4]!,
    reason: [
      "no connection",
      "the answer broke off",
      "no answer in time",
      "No server is available",
    ][index % 4]!,
  };
}
