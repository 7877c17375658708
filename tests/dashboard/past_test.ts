import assert from "node:assert/strict";
import { COLUMNS, filterServers, sortServers } from "../../src/monitor/dashboard/columns.js";
import { addView, emptyPast, PAST_MS } from "../../src/monitor/dashboard/past.js";
import { assignSlots, mean } from "../../src/monitor/dashboard/slots.js";
import type { ServerView, View } from "../../src/monitor/view.ts";

const NONE = { p50: null, p95: null, p99: null };

function serverView(name: string, changes: Partial<ServerView> = {}): ServerView {
  return {
    url: `http://${name}`,
    name,
    state: "healthy",
    reason: "",
    since: 0,
    running: 0,
    waiting: 0,
    capacity: 4,
    usage: 0,
    inFlight: 0,
    pendingTokens: 0,
    kvCacheUsage: null,
    prefixHitRate: null,
    firstToken: NONE,
    tokensPerSecond: null,
    errors: 0,
    models: ["m"],
    ...changes,
  };
}

function viewAt(at: number, servers: readonly ServerView[] = []): View {
  return {
    version: "1",
    address: "",
    isAdminElsewhere: false,
    at,
    startedAt: 0,
    totals: {
      servers: 0,
      healthy: 0,
      load: 0,
      noneHealthySince: null,
      atServers: 0,
      capacity: 0,
      inFlight: 0,
      waiting: 0,
      pendingTokens: 0,
      requestsPerSecond: 1,
      answersPerSecond: { ok: 1, clientErrors: 0, clientClosed: 0, failed: 0 },
      tokensPerSecond: 1,
      requests: 0,
      failedLastMinute: 0,
      failedShare: null,
      failovers: 0,
      firstToken: NONE,
    },
    servers,
    events: [],
    keys: [],
    models: [],
    failures: [],
    sources: [],
    peers: [],
  };
}

Deno.test("one point per second is added, and silence leaves a gap", () => {
  const past = emptyPast();
  const added = [0, 500, 1_000, 1_500, 11_000].map((at) => addView(past, viewAt(at)));
  assert.deepEqual(added, [true, false, true, false, true]);
  assert.deepEqual(past.times, [0, 1_000, 1_900, 11_000]);
  assert.deepEqual(past.fleet.okPerSecond, [1, 1, null, 1]);
});

Deno.test("the history is bounded, and every row is as long as the times", () => {
  const past = emptyPast();
  for (let at = 0; at < 1_200; at++) {
    const late = at > 1_000 ? [serverView("late", { inFlight: 1 })] : [];
    addView(past, viewAt(at * 1_000, [serverView("a"), ...late]));
  }
  assert.equal(past.times.length, PAST_MS / 1_000 + 1);
  const late = past.servers.get("http://late")!;
  assert.equal(late.inFlight.length, past.times.length);
  assert.equal(late.inFlight[0], null);
  assert.equal(late.inFlight.at(-1), 1);
});

Deno.test("a clock that was set back begins the history anew", () => {
  const past = emptyPast();
  const text = "a is unhealthy, was healthy: refused";
  const change = { at: 600_000, kind: "change", tone: "bad", servers: ["a"], text } as const;
  addView(past, { ...viewAt(600_000, [serverView("a")]), events: [change] });
  assert.ok(addView(past, viewAt(5_000, [serverView("a")])));
  assert.deepEqual([past.times, past.marks], [[5_000], []]);
  assert.deepEqual(past.servers.get("http://a")!.waiting, [0]);
  assert.equal(addView(past, viewAt(4_000)), false, "a late view");
});

Deno.test("the busiest servers have a colour and keep it", () => {
  const past = emptyPast();
  const fleet = (busy: number) =>
    Array.from(
      { length: 12 },
      (_, at) => serverView(`s${at}`, { inFlight: at === busy ? 99 : at }),
    );
  addView(past, viewAt(0, fleet(-1)));
  const before = assignSlots(past, []);
  assert.deepEqual(
    before.toSorted(),
    [11, 10, 9, 8, 7, 6, 5, 4].map((at) => `http://s${at}`).sort(),
  );
  for (let at = 1; at < 5; at++) addView(past, viewAt(at * 1_000, fleet(0)));
  const after = assignSlots(past, before);
  const moved = after.filter((url, slot) => url !== before[slot]);
  assert.deepEqual(moved, ["http://s0"]);
});

Deno.test("a mean ignores unknown values", () => {
  assert.deepEqual(mean([[1, null, null], [3, 5, null]], 3), [2, 5, null]);
});

Deno.test("sorting puts unknown values last, filtering matches names and models", () => {
  const servers = [
    serverView("a10", { kvCacheUsage: 0.5 }),
    serverView("a2", { pendingTokens: 4_000 }),
    serverView("b", { kvCacheUsage: 0.9, pendingTokens: 9, state: "unhealthy", models: ["Qwen"] }),
  ];
  const sorted = (id: string, order: "ascending" | "descending") =>
    sortServers(servers, COLUMNS.find((column) => column.id === id)!, order).map(({ name }) =>
      name
    );
  assert.deepEqual(sorted("kv-cache", "ascending"), ["a10", "b", "a2"]);
  assert.deepEqual(sorted("kv-cache", "descending"), ["b", "a10", "a2"]);
  assert.deepEqual(sorted("backlog", "descending"), ["a2", "b", "a10"]);
  assert.deepEqual(sorted("server", "ascending"), ["a2", "a10", "b"]);
  assert.deepEqual(sorted("state", "ascending"), ["b", "a10", "a2"]);
  assert.deepEqual(filterServers(servers, " qwen", false).map(({ name }) => name), ["b"]);
  assert.deepEqual(filterServers(servers, "", true).map(({ name }) => name), ["b"]);
});
