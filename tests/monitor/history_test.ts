import assert from "node:assert/strict";
import { createPast, HISTORY_POINTS } from "../../src/monitor/history.ts";
import { scrapeOf, viewOf } from "./views.ts";

const A = "http://gpu-1:8000";
const B = "http://gpu-2:8000";

Deno.test("before the first point everything is empty", () => {
  assert.deepEqual(createPast(3).read(), {
    times: [],
    requestsPerSecond: [],
    okPerSecond: [],
    clientErrorsPerSecond: [],
    clientClosedPerSecond: [],
    failedPerSecond: [],
    tokensPerSecond: [],
    firstTokenP50: [],
    firstTokenP95: [],
    firstTokenP99: [],
    servers: [],
  });
});

Deno.test("points are ordered oldest first, and the oldest are evicted", () => {
  const past = createPast(3);
  const inFlight: (number | null)[][] = [];
  for (let at = 1; at <= 7; at++) {
    past.add(viewOf([{ url: A, inFlight: at }], { at }));
    const { times, servers: [server] } = past.read();
    assert.deepEqual(times, server!.inFlight);
    inFlight.push([...server!.inFlight]);
  }
  assert.deepEqual(inFlight, [
    [1],
    [1, 2],
    [1, 2, 3],
    [2, 3, 4],
    [3, 4, 5],
    [4, 5, 6],
    [5, 6, 7],
  ]);
});

Deno.test("all rows have the same length, at most a quarter of an hour", () => {
  const past = createPast();
  for (let at = 0; at < HISTORY_POINTS + 10; at++) past.add(viewOf([{ url: A }], { at }));
  const { times, servers: [server], ...rows } = past.read();
  assert.equal(times.length, HISTORY_POINTS);
  assert.equal(times[0], 10);
  for (const row of Object.values(rows)) assert.equal(row.length, HISTORY_POINTS);
  const { inFlight, waiting, kvCacheUsage } = server!;
  for (const row of [inFlight, waiting, kvCacheUsage]) assert.equal(row.length, HISTORY_POINTS);
});

Deno.test("a missing value is null, 0 is 0, and NaN never appears", () => {
  const past = createPast(3);
  past.add(viewOf([{ url: A, scrape: scrapeOf({ kvCacheUsage: 0 }) }]));
  past.add(viewOf([{ url: A }]));
  past.add(viewOf([{ url: A, scrape: scrapeOf({ kvCacheUsage: 0.1 }) }]));
  const read = past.read();
  assert.deepEqual(read.servers[0]!.kvCacheUsage, [0, null, 0.1]);
  assert.deepEqual(read.firstTokenP50, [null, null, null]);
  assert.deepEqual(read.requestsPerSecond, [0, 0, 0]);
  assert.deepEqual(JSON.parse(JSON.stringify(read)), read);
});

Deno.test("a new server has no history, and a removed one takes its history with it", () => {
  const past = createPast(4);
  past.add(viewOf([{ url: A, inFlight: 1 }]));
  past.add(viewOf([{ url: A, inFlight: 2 }, { url: B, inFlight: 20 }]));
  assert.deepEqual(past.read().servers.map(({ inFlight }) => inFlight), [[1, 2], [null, 20]]);
  past.add(viewOf([{ url: B, inFlight: 30 }]));
  assert.deepEqual(past.read().servers.map(({ url, inFlight }) => [url, inFlight]), [
    [B, [null, 20, 30]],
  ]);
  past.add(viewOf([{ url: A, inFlight: 4 }, { url: B, inFlight: 40 }]));
  assert.deepEqual(past.read().servers.map(({ inFlight }) => inFlight), [
    [null, null, null, 4],
    [null, 20, 30, 40],
  ]);
});

Deno.test("a server added when the ring is full has no values from the previous round", () => {
  const past = createPast(2);
  for (let at = 0; at < 5; at++) past.add(viewOf([{ url: A, inFlight: 9 }], { at }));
  past.add(viewOf([{ url: A, inFlight: 9 }, { url: B, inFlight: 1 }], { at: 5 }));
  assert.deepEqual(past.read().servers[1]!.inFlight, [null, 1]);
});

Deno.test("a new name is shown at once", () => {
  const past = createPast(2);
  past.add(viewOf([{ url: A, name: "old" }]));
  past.add(viewOf([{ url: A, name: "new" }]));
  assert.equal(past.read().servers[0]!.name, "new");
});
