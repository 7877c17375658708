import assert from "node:assert/strict";
import type { Outcome } from "../../src/fleet/outcome.ts";
import { createStatistics } from "../../src/monitor/statistics.ts";
import type { FirstToken } from "../../src/monitor/view_tables.ts";
import { openRecord } from "../../src/proxy/request_record.ts";
import { scrapeOf, snapshotWith } from "./views.ts";
import { clientAs } from "../support/client.ts";

const A = { url: "http://gpu-1:8000", name: "gpu-1" };
const B = { url: "http://gpu-2:8000", name: "gpu-2" };
const NONE = { p50: null, p95: null, p99: null };
const record = openRecord({
  id: "1",
  client: clientAs({ address: "::1" }),
  method: "POST",
  path: "/",
});

function starting() {
  let now = 0;
  const statistics = createStatistics(() => now);
  return { statistics, listener: statistics.listener, at: (ms: number) => void (now = ms) };
}

const looking = (counters: Record<string, number | undefined>, url = A.url) => {
  const unknown = { prompt: undefined, generation: undefined };
  const cache = { prefixQueries: undefined, prefixHits: undefined };
  return snapshotWith([{
    url,
    scrape: scrapeOf({ counters: { ...unknown, ...cache, ...counters } }),
  }]);
};

Deno.test("statistics start at zero", () => {
  const { statistics } = starting();
  assert.deepEqual([statistics.answers.total(), statistics.failovers], [0, 0]);
  assert.equal(statistics.answers.perSecond().all, 0);
  assert.deepEqual(statistics.fleetFirstToken(), NONE);
  assert.deepEqual(statistics.of(A.url), {
    errors: 0,
    firstToken: NONE,
    tokensPerSecond: null,
    prefixHitRate: null,
  });
});

Deno.test("requests are counted when they end, and their rate covers the last seconds", () => {
  const { statistics, listener, at } = starting();
  statistics.look(snapshotWith([A]));
  for (let second = 1; second <= 5; second++) {
    for (let i = 0; i < 20; i++) listener.closed!(record);
    at(second * 1_000);
    statistics.look(snapshotWith([A]));
  }
  assert.equal(statistics.answers.total(), 100);
  assert.equal(statistics.answers.perSecond().all, 20);
  for (let second = 6; second <= 11; second++) {
    at(second * 1_000);
    statistics.look(snapshotWith([A]));
  }
  assert.equal(statistics.answers.perSecond().all, 0);
  assert.equal(statistics.answers.total(), 100);
});

Deno.test("requests and streams that move to another server are failovers", () => {
  const { statistics, listener } = starting();
  listener.failover!({ id: "1", from: A.name, to: B.name, reason: "reset" });
  listener.failover!({ id: "1", from: B.name, to: A.name, reason: "timeout" });
  listener.continued!({ id: "2", from: A.name, to: B.name, reason: "truncated" });
  assert.equal(statistics.failovers, 3);
});

Deno.test("failed attempts are errors of their server, those ended by clients are not", () => {
  const { statistics, listener } = starting();
  const outcomes: Record<Outcome, boolean> = {
    ok: false,
    client_error: false,
    client_closed: false,
    refused: true,
    reset: true,
    timeout: true,
    bad_status: true,
    outlier: true,
    backpressure: true,
    draining: true,
    aborted: true,
    truncated: true,
  };
  for (const outcome of Object.keys(outcomes)) listener.attemptEnded!(A, outcome as Outcome);
  assert.equal(statistics.of(A.url).errors, Object.values(outcomes).filter(Boolean).length);
  assert.equal(statistics.of(B.url).errors, 0);
});

Deno.test("a server's first token is timed from the attempt, the fleet's from the request", () => {
  const { statistics, listener, at } = starting();
  listener.firstToken!(A, 10, 110);
  listener.firstToken!(B, 20, 220);
  const near = ({ p50, p95, p99 }: FirstToken, ...values: number[]) =>
    [p50, p95, p99].forEach((found, i) =>
      assert.ok(Math.abs(found! / values[i]! - 1) <= 0.02, `${found} is not ${values[i]}`)
    );
  near(statistics.of(A.url).firstToken, 10, 10, 10);
  near(statistics.of(B.url).firstToken, 20, 20, 20);
  near(statistics.fleetFirstToken(), 110, 220, 220);
  at(60_001);
  assert.deepEqual(statistics.of(A.url).firstToken, NONE);
  assert.deepEqual(statistics.fleetFirstToken(), NONE);
});

Deno.test("all first tokens of the last minute count, at any number", () => {
  const { statistics, listener, at } = starting();
  for (let ms = 0; ms < 50_000; ms++) {
    at(ms);
    const firstTokenMs = ms < 30_000 ? 100 : 1_000;
    listener.firstToken!(A, firstTokenMs, firstTokenMs);
  }
  for (const { p50, p95 } of [statistics.of(A.url).firstToken, statistics.fleetFirstToken()]) {
    assert.ok(p50! < 110 && p95! > 900, `${p50} and ${p95}`);
  }
});

Deno.test("tokens per second are the growth of the server's own counter", () => {
  const { statistics, at } = starting();
  statistics.look(looking({ generation: 5_000 }));
  assert.equal(statistics.of(A.url).tokensPerSecond, null);
  at(500);
  statistics.look(looking({ generation: 5_100 }));
  assert.equal(statistics.of(A.url).tokensPerSecond, 200);
  at(1_000);
  statistics.look(looking({ generation: 3 }));
  assert.equal(statistics.of(A.url).tokensPerSecond, null, "it was started anew");
});

Deno.test("the prefix hit rate covers recent queries", () => {
  const { statistics, at } = starting();
  statistics.look(looking({ prefixQueries: 1_000, prefixHits: 0 }));
  at(500);
  statistics.look(looking({ prefixQueries: 1_000, prefixHits: 0 }));
  assert.equal(statistics.of(A.url).prefixHitRate, null, "nothing was asked");
  at(1_000);
  statistics.look(looking({ prefixQueries: 1_200, prefixHits: 150 }));
  assert.equal(statistics.of(A.url).prefixHitRate, 0.75);
  at(1_500);
  statistics.look(looking({ prefixQueries: 1_400 }));
  assert.equal(statistics.of(A.url).prefixHitRate, null, "it no longer tells");
});

Deno.test("a server without counters is unknown", () => {
  const { statistics, at } = starting();
  for (const ms of [0, 500]) {
    at(ms);
    statistics.look(snapshotWith([A]));
  }
  const { tokensPerSecond, prefixHitRate } = statistics.of(A.url);
  assert.deepEqual([tokensPerSecond, prefixHitRate], [null, null]);
});

Deno.test("a removed server is forgotten, the fleet's counts stay", () => {
  const { statistics, listener } = starting();
  statistics.look(snapshotWith([A, B]));
  listener.attemptEnded!(A, "reset");
  listener.attemptEnded!(B, "reset");
  listener.closed!(record);
  statistics.look(snapshotWith([B]));
  assert.deepEqual([statistics.of(A.url).errors, statistics.of(B.url).errors], [0, 1]);
  assert.equal(statistics.answers.total(), 1);
});
