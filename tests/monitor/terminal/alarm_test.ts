import assert from "node:assert/strict";
import { drawAll, drawScreen } from "../../../src/monitor/terminal/draw.ts";
import { paletteOf } from "../../../src/monitor/terminal/paint.ts";
import { firstUi } from "../../../src/monitor/terminal/ui.ts";
import type { ServerView, View } from "../../../src/monitor/view.ts";
import { modelOf, viewOf } from "./view.ts";

const PLAIN = paletteOf(0);
const AT = new Date(2026, 10, 28, 11, 33, 2).getTime();
const DOWN: Partial<ServerView> = {
  state: "unhealthy",
  reason: "connection refused",
  since: AT - 34_000,
};
const allDown = viewOf([DOWN, DOWN], { at: AT, totals: { noneHealthySince: AT - 34_000 } });
const draw = (view: View, columns = 80, rows = 24, palette = PLAIN, models = false) =>
  drawScreen({ view, points: [], detail: undefined }, firstUi(models), { columns, rows }, palette);

Deno.test("a dead fleet has a red line over all, in low terminals too", () => {
  const alarm = /^ ✖ No server is healthy for 34 s, since 11:32:28: clients get 503 *$/;
  for (const rows of [4, 8, 11, 12, 24, 60]) assert.match(draw(allDown, 80, rows)[0]!, alarm);
  assert.match(draw(allDown, 20, 5)[0]!, /^ ✖ No server is he…$/);
  const [line] = draw(allDown, 80, 24, paletteOf(1));
  assert.ok(line!.startsWith(" \x1b[41m"), line);
  assert.equal(drawAll(allDown, false, PLAIN)[0], alarm.exec(draw(allDown)[0]!)![0].trim());
});

Deno.test("a fleet that is being checked for the first time raises no alarm", () => {
  const starting = viewOf([{ state: "checking" }], { totals: { noneHealthySince: 0 } });
  assert.match(draw(starting)[0]!, /^ vllm-router/);
  const stillDown = viewOf([{ state: "checking" }, DOWN], { totals: { noneHealthySince: 0 } });
  assert.match(draw(stillDown)[0]!, /No server is healthy/);
});

Deno.test("models without a healthy server are named", () => {
  const models = ["a", "b", "c", "d", "e"].map((name) => modelOf({ name, healthy: 0 }));
  const alarmOf = (count: number) =>
    draw(viewOf([{}], { models: [modelOf(), ...models.slice(0, count)] }))[0]!.trim();
  assert.match(alarmOf(0), /^vllm-router/);
  assert.equal(alarmOf(1), "✖ No healthy server has a: clients get 503");
  assert.equal(alarmOf(3), "✖ No healthy server has a, b, c: clients get 503");
  assert.equal(alarmOf(5), "✖ No healthy server has a, b, c and 2 more: clients get 503");
});

Deno.test("servers that are being tried again answer some clients", () => {
  const trying: Partial<ServerView> = { state: "half-open", models: ["a"] };
  const alarmOf = (servers: Partial<ServerView>[], view: Parameters<typeof viewOf>[1]) =>
    draw(viewOf(servers, { at: AT, ...view }), 120)[0]!;
  const partly = /: clients get 503, except for single trials *$/;
  assert.match(alarmOf([trying, DOWN], { totals: { noneHealthySince: AT } }), partly);
  const models = [modelOf({ name: "a", healthy: 0 })];
  assert.match(alarmOf([trying, {}], { models }), partly);
  assert.match(alarmOf([{ ...trying, models: [] }, {}], { models }), /: clients get 503 *$/);
});

Deno.test("the row of a server that is out says why and for how long", () => {
  const rowOf = (server: Partial<ServerView>, columns = 80, models = false) =>
    draw(viewOf([server, {}], { at: AT }), columns, 24, PLAIN, models)
      .find((line) => line.includes("gpu-1"))!;
  assert.match(rowOf(DOWN), /^ 1 +gpu-1 +unhealthy +for 34 s: connection refused *$/);
  assert.match(rowOf(DOWN, 160), /^ 1 +gpu-1 +unhealthy +for 34 s: connection refused *$/);
  assert.match(rowOf(DOWN, 160, true), /unhealthy +for 34 s: connection refused +small-model$/);
  const long = { ...DOWN, reason: "the certificate is not valid for this name ".repeat(9) };
  assert.match(rowOf(long, 80), /unhealthy +for 34 s: the certificate is .*…$/);
  for (const state of ["stalled", "unauthorized", "no_models", "sleeping", "checking"] as const) {
    assert.match(rowOf({ ...DOWN, state }), RegExp(` ${state} +for 34 s: `));
  }
  for (const state of ["healthy", "half-open", "draining"] as const) {
    assert.doesNotMatch(rowOf({ ...DOWN, state }), /for 34 s/);
  }
});

Deno.test("the snapshot does not cut a reason", () => {
  const reason = "it can't be reached ".repeat(20).trim();
  const view = viewOf([{ ...DOWN, reason }, {}], { at: AT });
  for (const models of [false, true]) {
    assert.ok(drawAll(view, models, PLAIN).some((line) => line.includes(`for 34 s: ${reason}`)));
  }
});

Deno.test("a peer that is away has a line, once it is no longer starting", () => {
  const away = (since: number, router = "http://router-2:9090") => ({
    router,
    up: false,
    since,
    problem: "it sends nothing",
  });
  const line = "! Peer http://router-2:9090 away for 34 s, since 11:32:28: it sends nothing";
  const first = (peers: View["peers"]) => draw(viewOf([{}], { at: AT, peers }), 100)[0]!.trim();
  assert.equal(first([away(AT - 34_000)]), line);
  const two = [away(AT - 34_000), away(AT - 34_000, "http://b:1")];
  assert.equal(first(two), line.replace(":9090", ":9090 and 1 more"));
  assert.match(first([away(AT - 1_000)]), /^vllm-router/);
  assert.match(first([{ ...away(AT - 34_000), up: true, problem: null }]), /^vllm-router/);
});

Deno.test("a source of servers that can't be read has a line, below that of a dead fleet", () => {
  const failing = (name: string) => ({
    name,
    servers: 2,
    failure: "no A records",
    failedSince: AT - 34_000,
  });
  const line = "! dns a can't be read for 34 s, since 11:32:28: no A records";
  const shown = (view: View) => draw(view, 100).slice(0, 2).map((line) => line.trim());
  assert.equal(shown(viewOf([{}], { at: AT, sources: [failing("dns a")] }))[0], line);
  const two = viewOf([{}], { at: AT, sources: [failing("dns a"), failing("dns b")] });
  assert.equal(shown(two)[0], line.replace("dns a", "dns a and 1 more"));
  assert.match(shown({ ...allDown, sources: [failing("dns a")] })[0]!, /No server is healthy/);
  assert.equal(shown({ ...allDown, sources: [failing("dns a")] })[1], line);
  const fine = { name: "dns a", servers: 2, failure: null, failedSince: null };
  assert.match(shown(viewOf([{}], { sources: [fine] }))[0]!, /^vllm-router/);
});
