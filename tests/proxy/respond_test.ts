import assert from "node:assert/strict";
import fc from "fast-check";
import type { Attempted } from "../../src/proxy/attempt.ts";
import { type Ended, respond } from "../../src/proxy/respond.ts";
import type { Upstream } from "../../src/proxy/upstream.ts";

const encoder = new TextEncoder();
const USAGE = `"usage":{"prompt_tokens":7,"completion_tokens":3}`;
const EVENTS = [
  `data: {"choices":[{"delta":{"content":"Grüße"}}]}\n\n`,
  `data: {"choices":[],${USAGE}}\n\n`,
  "data: [DONE]\n\n",
].join("");

/** A server's answer whose rest comes in those pieces, then ends or breaks. */
function upstreamOf(pieces: readonly Uint8Array<ArrayBuffer>[], breaks = false): Upstream {
  const left = [...pieces];
  return {
    head: () => Promise.reject(new Error("It has been read")),
    read() {
      const next = left.shift();
      return !next && breaks ? Promise.reject(new Error("broken")) : Promise.resolve(next);
    },
    close() {},
    outcomeOf: () => "truncated",
  };
}

function answering(
  { type = "text/event-stream", held = "", rest, status = 200, outcome = "ok" }: {
    type?: string;
    held?: string | Uint8Array<ArrayBuffer>;
    rest?: Upstream;
    status?: number;
    outcome?: Attempted["outcome"];
  },
) {
  const ends: Ended[] = [];
  const gaps: number[] = [];
  const body = typeof held === "string" ? encoder.encode(held) : held;
  const headers = new Headers({ "content-type": type });
  const response = respond({ outcome, answer: { status, headers, body, rest } }, {
    id: "request-1",
    timeoutMs: 1_000,
    clientGone: new AbortController().signal,
    onNext: (gap) => void gaps.push(gap),
    onEnd: (ended) => void ends.push(ended),
  });
  return { response, ends, gaps };
}

Deno.test("a whole answer is passed on at once, with what it told of tokens", async () => {
  const held = `{${USAGE}}`;
  const { response, ends, gaps } = answering({ type: "application/json", held });
  const usage = { promptTokens: 7, completionTokens: 3 };
  assert.deepEqual(ends, [{ outcome: "ok", status: 200, bytes: held.length, usage }]);
  assert.equal(await response.text(), held);
  assert.equal(ends.length, 1);
  assert.deepEqual(gaps, []);
});

Deno.test("a failure that came as an answer stays one, with its own status", async () => {
  const { response, ends } = answering({
    type: "application/json",
    held: "{}",
    status: 500,
    outcome: "bad_status",
  });
  assert.equal(response.status, 500);
  assert.deepEqual(ends, [{ outcome: "bad_status", status: 500, bytes: 2, usage: undefined }]);
  await response.body?.cancel();
});

Deno.test("without an answer the client has left", () => {
  const ends: Ended[] = [];
  const response = respond({ outcome: "client_closed", answer: undefined }, {
    id: "request-1",
    timeoutMs: 1_000,
    clientGone: new AbortController().signal,
    onNext() {},
    onEnd: (ended) => void ends.push(ended),
  });
  assert.equal(response.status, 499);
  assert.deepEqual(ends, [
    { outcome: "client_closed", status: 499, bytes: 0, usage: undefined },
  ]);
});

Deno.test("a stream tells of its end when all of it has passed, and of each chunk after the first", async () => {
  const pieces = EVENTS.split(/(?<=\n\n)/).map((event) => encoder.encode(event));
  const rest = upstreamOf(pieces.slice(1));
  const { response, ends, gaps } = answering({ held: pieces[0]!, rest });
  assert.deepEqual(ends, []);
  assert.equal(await response.text(), EVENTS);
  const usage = { promptTokens: 7, completionTokens: 3 };
  const bytes = encoder.encode(EVENTS).length;
  assert.deepEqual(ends, [{ outcome: "ok", status: 200, bytes, usage }]);
  assert.equal(gaps.length, 2);
  assert.ok(gaps.every((gap) => gap >= 0));
});

Deno.test("the chunks of a long document are no tokens", async () => {
  const rest = upstreamOf([encoder.encode(`,${USAGE}}`)]);
  const { response, ends, gaps } = answering({ type: "application/json", held: `{"a":1`, rest });
  await response.text();
  assert.equal(ends[0]!.usage?.completionTokens, 3);
  assert.deepEqual(gaps, []);
});

Deno.test("a stream that breaks tells so, with what it had told before", async () => {
  const rest = upstreamOf([encoder.encode(`data: {${USAGE}}\n\n`)], true);
  const { response, ends } = answering({ held: "data: {}\n\n", rest });
  await assert.rejects(response.text());
  assert.equal(ends.length, 1);
  assert.equal(ends[0]!.outcome, "truncated");
  assert.equal(ends[0]!.usage?.promptTokens, 7);
});

Deno.test("usage is found wherever one boundary or two fall", async () => {
  const bytes = encoder.encode(EVENTS);
  const place = fc.integer({ min: 1, max: bytes.length - 1 });
  await fc.assert(
    fc.asyncProperty(place, place, async (one, other) => {
      const [first, second] = [Math.min(one, other), Math.max(one, other)];
      const pieces = [bytes.slice(first, second), bytes.slice(second)];
      const rest = upstreamOf(pieces.filter(({ length }) => length > 0));
      const { response, ends } = answering({ held: bytes.slice(0, first), rest });
      assert.equal(await response.text(), EVENTS);
      assert.deepEqual(ends[0]!.usage, { promptTokens: 7, completionTokens: 3 });
    }),
    { numRuns: 300 },
  );
});

Deno.test("usage is found in the smallest pieces that a server's own writes come in", async () => {
  // An event in two pieces each, as where a read's buffer ends amid it.
  const pieces = EVENTS.split(/(?<=\n\n)/).flatMap((event) => {
    const bytes = encoder.encode(event);
    return [bytes.slice(0, bytes.length >> 1), bytes.slice(bytes.length >> 1)];
  });
  const { response, ends } = answering({ held: pieces[0]!, rest: upstreamOf(pieces.slice(1)) });
  await response.text();
  assert.deepEqual(ends[0]!.usage, { promptTokens: 7, completionTokens: 3 });
});
