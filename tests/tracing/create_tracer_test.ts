import assert from "node:assert/strict";
import fc from "fast-check";
import { openRecord } from "../../src/proxy/request_record.ts";
import { createTracer } from "../../src/tracing/create_tracer.ts";
import type { Span } from "../../src/tracing/span.ts";
import { clientAs } from "../support/client.ts";
import { numRuns } from "../support/property.ts";

const SESSION = "x-session-id";
const CONVERSATION = "gen_ai.conversation.id";
const ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const VALID = `00-${ID}-00f067aa0ba902b7-01`;

/** Traces a request with these headers. Returns what a server gets, and the request's span. */
function traced(headers: [string, string][], sessionHeader = SESSION) {
  const spans: Span[] = [];
  const sampler = { ratio: 1, isParentBased: true };
  const tracer = createTracer(sampler, sessionHeader, (make) => spans.push(make()));
  const trace = tracer(new Headers(headers));
  const lease = { server: { config: { name: "a", url: "http://a" } } } as Parameters<
    typeof trace.attempt
  >[0];
  const sent = new Headers([...trace.attempt(lease, false).headers]);
  const client = clientAs();
  trace.end(openRecord({ id: "1", client, method: "POST", path: "/v1/completions" }));
  return { sent, span: spans[0] };
}

/** Bytes that a header may have. */
const visible = fc.string({
  unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
});
const piece = fc.oneof(
  visible,
  fc.constantFrom("00", "01", "ff", "-", ID, "00f067aa0ba902b7", ","),
);

Deno.test("whatever a caller sends, a server gets a valid trace context", () => {
  const junk = fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join(""));
  const parent = fc.oneof(junk, junk.map((more) => VALID + more), fc.constant(VALID));
  const state = fc.oneof(junk, fc.constantFrom("a=1", "x".repeat(10_240), "a=1,".repeat(2_560)));
  fc.assert(
    fc.property(fc.array(parent, { maxLength: 2 }), fc.array(state, { maxLength: 2 }), (p, s) => {
      const { sent } = traced([
        ...p.map((value): [string, string] => ["traceparent", value]),
        ...s.map((value): [string, string] => ["tracestate", value]),
      ]);
      const [, traceId, spanId] = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-0[01]$/.exec(
        sent.get("traceparent")!,
      )!;
      assert.notEqual(spanId, "00f067aa0ba902b7", "the attempt's own");
      const passed = sent.get("tracestate");
      if (passed === null) return;
      assert.equal(traceId, ID, "no state without the caller's trace");
      assert.ok(passed.split(",").length <= 32);
      assert.match(passed, /^[\x20-\x7e]+$/);
    }),
    { numRuns },
  );
});

Deno.test("text of clients in a span is cut", () => {
  const { span } = traced([["traceparent", VALID], [SESSION, "s".repeat(100_000)]]);
  const attributes = Object.fromEntries(span!.attributes);
  assert.equal(String(attributes[CONVERSATION]).length, 1_024);
});

Deno.test("a key is no conversation, even if requests are kept together by it", () => {
  for (const header of ["authorization", "x-api-key", "Cookie"]) {
    const { span } = traced([[header, "secret"]], header);
    assert.equal(Object.hasOwn(Object.fromEntries(span!.attributes), CONVERSATION), false);
  }
  const { span } = traced([[SESSION, "session-1"]]);
  assert.equal(Object.fromEntries(span!.attributes)[CONVERSATION], "session-1");
});

Deno.test("a trace that isn't sampled has headers and no span", () => {
  const { sent, span } = traced([["traceparent", VALID.replace(/1$/, "0")]]);
  assert.match(sent.get("traceparent")!, new RegExp(`^00-${ID}-[0-9a-f]{16}-00$`));
  assert.equal(span, undefined);
});
