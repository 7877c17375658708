import assert from "node:assert/strict";
import { createModelStatistics } from "../../src/monitor/model_statistics.ts";
import { SHOWN_MODELS } from "../../src/monitor/view_tables.ts";
import { openRecord, type RequestRecord } from "../../src/proxy/request_record.ts";
import type { ServerState } from "../../src/fleet/state/server.ts";
import { clientAs } from "../support/client.ts";

const recordOf = (fields: Partial<RequestRecord>): RequestRecord => ({
  ...openRecord({ id: "1", client: clientAs({}), method: "POST", path: "/" }),
  status: 200,
  outcome: "ok",
  ...fields,
});
const listing = (state: ServerState, ...names: string[]) => ({
  state,
  models: new Map(names.map((id) => [id, { id }])),
});

Deno.test("a model is shown with its servers, the healthy ones among them, and its requests", () => {
  let now = 0;
  const { listener, views } = createModelStatistics(() => now);
  const servers = [
    listing("healthy", "m", "n"),
    listing("unhealthy", "m"),
    listing("draining", "m", "gone"),
  ];
  views(servers);
  for (let i = 0; i < 54; i++) listener.closed!(recordOf({ model: "m", firstTokenMs: 100 }));
  listener.closed!(recordOf({ model: "m", status: 503, outcome: "rejected" }));
  const [m, n, ...others] = views(servers);
  assert.deepEqual([m!.name, m!.servers, m!.healthy], ["m", 2, 1]);
  assert.equal(m!.requestsPerSecond, 1);
  assert.equal(m!.failedShare, 1 / 55);
  assert.ok(Math.abs(m!.firstToken.p50! - 100) < 5);
  assert.deepEqual([n!.name, n!.requestsPerSecond, n!.failedShare], ["n", 0, null]);
  assert.deepEqual(others, []);
  now = 120_000;
  assert.deepEqual([views(servers)[0]!.failedShare, views(servers)[0]!.firstToken.p50], [
    null,
    null,
  ]);
});

Deno.test("of too many models, those without a healthy server are shown", () => {
  const names = Array.from({ length: 2 * SHOWN_MODELS }, (_, i) => `model-${i}`);
  const { views } = createModelStatistics(() => 0);
  const shown = views([listing("healthy", ...names), listing("unhealthy", "z-1", "z-0")]);
  assert.equal(shown.length, SHOWN_MODELS);
  assert.deepEqual(shown.slice(-2).map(({ name }) => name), ["z-0", "z-1"]);
  const order = shown.map(({ name }) => name);
  assert.deepEqual(order, order.toSorted());
});

Deno.test("names that no server lists take no memory, and a view has a bounded number", () => {
  const { listener, views } = createModelStatistics(() => 0);
  const names = Array.from({ length: 3 * SHOWN_MODELS }, (_, i) => `model-${i}`);
  views([listing("healthy", "m")]);
  for (const model of names) listener.closed!(recordOf({ model }));
  assert.equal(views([listing("healthy", ...names)]).length, SHOWN_MODELS);
  assert.ok(views([listing("healthy", ...names)]).every((view) => view.requestsPerSecond === 0));
});
