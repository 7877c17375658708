import assert from "node:assert/strict";
import { buildView } from "../../src/monitor/build_view.ts";
import { createStatistics } from "../../src/monitor/statistics.ts";
import { workSnapshotOf } from "../support/work.ts";
import { IDENTITY, scrapeOf, snapshotWith, viewOf } from "./views.ts";

const A = "http://gpu-1:8000";
const B = "http://gpu-2:8000";
const NONE = { p50: null, p95: null, p99: null };

Deno.test("a view is plain JSON with the router's identity and events", () => {
  const events = [{ at: 3, kind: "failover", tone: "bad", text: "It moved", servers: [] }] as const;
  const view = buildView(
    IDENTITY,
    9,
    snapshotWith([{ url: A }]),
    createStatistics(() => 0),
    null,
    { events, keys: [], models: [], failures: [], sources: [], peers: [] },
  );
  assert.deepEqual(JSON.parse(JSON.stringify(view)), view);
  const { version, address, isAdminElsewhere, startedAt, at } = view;
  assert.deepEqual({ version, address, isAdminElsewhere, startedAt }, IDENTITY);
  assert.equal(at, 9);
  assert.deepEqual(view.events, events);
});

Deno.test("a server is shown with everything known about it", () => {
  const [server] = viewOf([{
    url: A,
    name: "first",
    state: "healthy",
    reason: "check passed",
    stateSince: 60,
    running: 3,
    waiting: 1,
    capacity: 8,
    inFlight: 2,
    work: workSnapshotOf({ pendingTokens: 1_234.5 }),
    models: new Map([["m", { id: "m" }], ["n", { id: "n" }]]),
    scrape: scrapeOf({ kvCacheUsage: 0.25 }),
  }]).servers;
  assert.deepEqual(server, {
    url: A,
    name: "first",
    state: "healthy",
    reason: "check passed",
    since: 60,
    running: 3,
    waiting: 1,
    capacity: 8,
    usage: 0.5,
    inFlight: 2,
    pendingTokens: 1_235,
    kvCacheUsage: 0.25,
    prefixHitRate: null,
    firstToken: NONE,
    tokensPerSecond: null,
    errors: 0,
    models: ["m", "n"],
  });
});

Deno.test("a value that a server does not report is null, an empty cache is 0", () => {
  const { servers } = viewOf([{ url: A }, { url: B, scrape: scrapeOf({ kvCacheUsage: 0 }) }]);
  assert.deepEqual(servers.map(({ kvCacheUsage }) => kvCacheUsage), [null, 0]);
});

Deno.test("totals count servers that are not draining, the capacity of those that take requests, and the requests of all", () => {
  const { totals } = viewOf([
    { url: A, state: "healthy", running: 4, waiting: 2, capacity: 4, inFlight: 5 },
    { url: B, state: "unhealthy", running: 0, waiting: 0, capacity: 8, inFlight: 0 },
    { url: "http://c", state: "draining", running: 3, waiting: 0, capacity: 100, inFlight: 3 },
  ]);
  const { servers, healthy, atServers, capacity, load, inFlight } = totals;
  assert.deepEqual({ servers, healthy, atServers, capacity, load, inFlight }, {
    servers: 2,
    healthy: 1,
    atServers: 6,
    capacity: 4,
    load: 1.5,
    inFlight: 8,
  });
});

Deno.test("the backlog of the fleet includes draining servers", () => {
  const { servers, totals } = viewOf([
    { url: A, work: workSnapshotOf({ pendingTokens: 20_000.2 }) },
    { url: B },
    { url: "http://c", state: "draining", work: workSnapshotOf({ pendingTokens: 300 }) },
  ]);
  assert.deepEqual(servers.map(({ pendingTokens }) => pendingTokens), [20_000, 0, 300]);
  assert.equal(totals.pendingTokens, 20_300);
});

Deno.test("a fleet that only drains has no load", () => {
  const { totals } = viewOf([{ url: A, state: "draining", running: 3, capacity: 4 }]);
  assert.deepEqual([totals.servers, totals.load], [0, 0]);
});

Deno.test("the fleet's tokens per second are the sum over servers that report them", () => {
  let now = 0;
  const statistics = createStatistics(() => now);
  const look = (a: number, b: number) =>
    statistics.look(snapshotWith([a, b, undefined].map((generation, i) => ({
      url: `http://gpu-${i}`,
      scrape: scrapeOf({ counters: countersOf(generation) }),
    }))));
  look(0, 100);
  now = 1_000;
  look(30, 170);
  const urls = [0, 1, 2].map((i) => ({ url: `http://gpu-${i}` }));
  const view = viewOf(urls, { statistics });
  assert.deepEqual(view.servers.map(({ tokensPerSecond }) => tokensPerSecond), [30, 70, null]);
  assert.equal(view.totals.tokensPerSecond, 100);
});

function countersOf(generation: number | undefined) {
  return { generation, prompt: undefined, prefixQueries: undefined, prefixHits: undefined };
}
