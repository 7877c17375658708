import assert from "node:assert/strict";
import { newSpanId, newTraceId } from "../../src/tracing/ids.ts";
import { parentIn, traceparent } from "../../src/tracing/trace_context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const VALID = `00-${TRACE}-${SPAN}-01`;

const read = (traceparent: string, ...tracestate: string[]) => {
  const headers = new Headers({ traceparent });
  for (const state of tracestate) headers.append("tracestate", state);
  return parentIn(headers);
};

Deno.test("a valid traceparent is read", () => {
  const parent = { traceId: TRACE, spanId: SPAN, isSampled: true, state: "" };
  assert.deepEqual(read(VALID), parent);
  assert.deepEqual(read(`00-${TRACE}-${SPAN}-00`), { ...parent, isSampled: false });
  assert.equal(parentIn(new Headers()), undefined);
});

Deno.test("only the last flag tells whether a trace is sampled", () => {
  assert.equal(read(`00-${TRACE}-${SPAN}-03`)?.isSampled, true);
  assert.equal(read(`00-${TRACE}-${SPAN}-fe`)?.isSampled, false);
  assert.equal(read(`00-${TRACE}-${SPAN}-ff`)?.isSampled, true);
});

Deno.test("what breaks the rules of traceparent is not read", () => {
  const wrong = {
    "an upper-case id": VALID.toUpperCase(),
    "an upper-case digit of the flags": `00-${TRACE}-${SPAN}-0A`,
    "version ff": `ff-${TRACE}-${SPAN}-01`,
    "a trace id of zeros": `00-${"0".repeat(32)}-${SPAN}-01`,
    "a span id of zeros": `00-${TRACE}-${"0".repeat(16)}-01`,
    "more after version 00": `${VALID}-more`,
    "a hyphen after version 00": `${VALID}-`,
    "less": VALID.slice(0, -1),
    "a short trace id": `00-${TRACE.slice(1)}-${SPAN}-01`,
    "a long span id": `00-${TRACE}-${SPAN}0-01`,
    "no hexadecimal digit": `00-${TRACE.replace("4", "g")}-${SPAN}-01`,
    "a later version without a hyphen": `01-${TRACE}-${SPAN}-01more`,
    "no version": `${TRACE}-${SPAN}-01`,
    "several headers": `${VALID}, ${VALID}`,
    "several headers of a later version": `01-${TRACE}-${SPAN}-01-a, ${VALID}`,
    "nothing": "",
  };
  for (const [what, written] of Object.entries(wrong)) {
    assert.equal(read(written), undefined, what);
  }
});

Deno.test("a later version is read as far as it is known", () => {
  for (const written of [`01-${TRACE}-${SPAN}-01`, `cc-${TRACE}-${SPAN}-01-what-the-future-adds`]) {
    assert.equal(read(written)?.traceId, TRACE);
  }
});

Deno.test("a traceparent that was written is read", () => {
  for (let i = 0; i < 100; i++) {
    const parent = { traceId: newTraceId(), spanId: newSpanId(), isSampled: i % 2 === 0 };
    const written = traceparent(parent.traceId, parent.spanId, parent.isSampled);
    assert.deepEqual(read(written), { ...parent, state: "" });
  }
});

Deno.test("tracestate passes in its order, from all of its headers", () => {
  assert.equal(read(VALID, "b=1 , a@tenant=x y", "", "c= 2")?.state, "b=1,a@tenant=x y,c= 2");
  assert.equal(read(VALID, " , ")?.state, "");
});

Deno.test("an invalid tracestate is dropped whole, and the traceparent counts", () => {
  const members = Array.from({ length: 33 }, (_, i) => `k${i}=1`);
  const wrong = ["A=1", "a", "a=", "a=1=2", "a=1,a=2", "a=\u00fc", `a=${"x".repeat(257)}`, "1=2"];
  for (const state of [...wrong, members.join(",")]) {
    assert.equal(read(VALID, state)?.state, "", state);
    assert.equal(read(VALID, state)?.traceId, TRACE);
  }
  assert.equal(read(VALID, members.slice(1).join(","))?.state.split(",").length, 32);
});
