import assert from "node:assert/strict";
import { newSpanId, newTraceId } from "../../src/tracing/ids.ts";
import { isSampled } from "../../src/tracing/sampler.ts";

const ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const parent = (isSampled: boolean) => ({ traceId: ID, spanId: "1", isSampled, state: "" });

Deno.test("a parent decides, if the sampler follows parents", () => {
  assert.equal(isSampled({ ratio: 0, isParentBased: true }, parent(true), ID), true);
  assert.equal(isSampled({ ratio: 1, isParentBased: true }, parent(false), ID), false);
  assert.equal(isSampled({ ratio: 0, isParentBased: false }, parent(true), ID), false);
  assert.equal(isSampled({ ratio: 1, isParentBased: false }, parent(false), ID), true);
});

Deno.test("a ratio samples its share of traces, the same ones each time", () => {
  const ids = Array.from({ length: 4_000 }, newTraceId);
  const sample = (ratio: number) =>
    ids.filter((id) => isSampled({ ratio, isParentBased: true }, undefined, id));
  assert.equal(sample(0).length, 0);
  assert.equal(sample(1).length, ids.length);
  const quarter = sample(0.25);
  // Seven standard deviations.
  assert.ok(Math.abs(quarter.length - 1_000) < 200, String(quarter.length));
  const half = new Set(sample(0.5));
  assert.ok(quarter.every((id) => half.has(id)));
});

Deno.test("a ratio keeps the traces that OpenTelemetry's consistent sampling keeps", () => {
  // The last 56 bits count, and a tenth of traces is above 0xe6….
  const sampled = (last: string) =>
    isSampled({ ratio: 0.1, isParentBased: true }, undefined, ID.slice(0, -14) + last);
  assert.equal(sampled("ffffffffffffff"), true);
  assert.equal(sampled("e6666666667000"), true);
  assert.equal(sampled("e6666666666000"), false);
  assert.equal(sampled("00000000000000"), false);
  const never = { ratio: 0, isParentBased: true };
  assert.equal(isSampled(never, undefined, "f".repeat(32)), false);
  const always = { ratio: 1, isParentBased: true };
  assert.equal(isSampled(always, undefined, `${"f".repeat(18)}${"0".repeat(14)}`), true);
});

Deno.test("ids are unique, in lower-case hexadecimal digits", () => {
  const ids = Array.from({ length: 2_000 }, newTraceId);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => /^[0-9a-f]{32}$/.test(id)));
  assert.match(newSpanId(), /^[0-9a-f]{16}$/);
});
