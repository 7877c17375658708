import assert from "node:assert/strict";
import fc from "fast-check";
import type { FirstAnswer } from "../../../src/proxy/attempt/first_answer.ts";
import { NOBODYS_FAULT } from "../../../src/proxy/attempt/outcome.ts";
import { Reply } from "../../../src/proxy/response/reply.ts";
import { exchanged } from "../../support/exchange.ts";
import { endBroken, type Ended, respond } from "../../../src/proxy/response/respond.ts";
import { dialectOf } from "../../../src/vllm/stream_events.ts";
import { watchStream } from "../../../src/proxy/sse/stream_watch.ts";
import { numRuns } from "../../support/property.ts";
import { ROOMY } from "../../support/limits.ts";
import { attemptOver, cutAt, type Pieces, piecesOf } from "../../support/pieces.ts";

const encoder = new TextEncoder();
const USAGE = `"usage":{"prompt_tokens":7,"completion_tokens":3}`;
const CHAT = "/v1/chat/completions?a=b";
const EVENTS = [
  `data: {"choices":[{"delta":{"content":"Grüße"},"finish_reason":"stop"}]}\n\n`,
  `data: {"choices":[],${USAGE}}\n\n`,
  "data: [DONE]\n\n",
].join("");

async function answering(
  { type = "text/event-stream", held = "", rest, status = 200, outcome = "ok", path = CHAT }: {
    type?: string;
    held?: string | Uint8Array<ArrayBuffer>;
    rest?: Pieces;
    status?: number;
    outcome?: FirstAnswer["outcome"];
    path?: string;
  },
) {
  const ends: Ended[] = [];
  const gaps: number[] = [];
  const body = typeof held === "string" ? encoder.encode(held) : held;
  const headers = new Headers({ "content-type": type });
  const isStream = type === "text/event-stream";
  const watch = isStream ? watchStream(dialectOf(path)) : undefined;
  const response = await exchanged(async (exchange) => {
    const attempt = rest && await attemptOver(rest, exchange.departure);
    const answer = { status, headers, isStream, body, rest: attempt, room: ROOMY, watch };
    const own: [string, string][] = [["x-request-id", "request-1"]];
    const reply = new Reply(exchange, "id");
    const onNext = (gap: number) => void gaps.push(gap);
    const ended = await respond({ outcome, answer }, reply, own, onNext);
    if (ended.broken) endBroken(ended.broken, reply, { chunkTimeoutMs: 1_000 });
    ends.push(ended);
  });
  return { response, ends, gaps };
}

Deno.test("a whole answer is passed on at once, and its token usage is reported", async () => {
  const held = `{${USAGE}}`;
  const { response, ends, gaps } = await answering({ type: "application/json", held });
  const usage = { promptTokens: 7, completionTokens: 3 };
  assert.deepEqual(ends, [{
    outcome: "ok",
    status: 200,
    bytes: held.length,
    chunks: 0,
    usage,
    tail: encoder.encode(held),
    finishReasons: undefined,
    expired: undefined,
    broken: undefined,
  }]);
  assert.equal(await response.text(), held);
  assert.equal(ends.length, 1);
  assert.deepEqual(gaps, []);
});

Deno.test("a failure that came as an answer is passed on with its own status", async () => {
  const { response, ends } = await answering({
    type: "application/json",
    held: "{}",
    status: 500,
    outcome: "bad_status",
  });
  assert.equal(response.status, 500);
  assert.deepEqual(ends, [{
    outcome: "bad_status",
    status: 500,
    bytes: 2,
    chunks: 0,
    usage: undefined,
    tail: encoder.encode("{}"),
    finishReasons: undefined,
    expired: undefined,
    broken: undefined,
  }]);
  await response.body?.cancel();
});

Deno.test("no answer means that the client has disconnected", async () => {
  const ends: Ended[] = [];
  const response = await exchanged(async (exchange) => {
    const left = { outcome: NOBODYS_FAULT, answer: undefined };
    const onNext = () => assert.fail("nothing came");
    const own: [string, string][] = [["x-request-id", "request-1"]];
    ends.push(await respond(left, new Reply(exchange, "id"), own, onNext));
  });
  assert.equal(response.status, 499);
  assert.deepEqual(ends, [
    {
      outcome: "client_closed",
      status: 499,
      bytes: 0,
      chunks: 0,
      usage: undefined,
      tail: new Uint8Array(),
      finishReasons: undefined,
      expired: undefined,
      broken: undefined,
    },
  ]);
});

Deno.test("a stream reports its end once all of it has passed, and each chunk after the first", async () => {
  const pieces = EVENTS.split(/(?<=\n\n)/).map((event) => encoder.encode(event));
  const rest = piecesOf(pieces.slice(1));
  const { response, ends, gaps } = await answering({ held: pieces[0]!, rest });
  assert.deepEqual(ends, []);
  assert.equal(await response.text(), EVENTS);
  const usage = { promptTokens: 7, completionTokens: 3 };
  const bytes = encoder.encode(EVENTS).length;
  assert.deepEqual(ends, [{
    outcome: "ok",
    status: 200,
    bytes,
    chunks: 3,
    usage,
    tail: encoder.encode(EVENTS),
    finishReasons: ["stop"],
    expired: undefined,
    broken: undefined,
  }]);
  assert.equal(gaps.length, 2);
  assert.ok(gaps.every((gap) => gap >= 0));
});

Deno.test("the chunks of a long document are not counted as tokens", async () => {
  const rest = piecesOf([encoder.encode(`,${USAGE}}`)]);
  const { response, ends, gaps } = await answering({
    type: "application/json",
    held: `{"a":1`,
    rest,
  });
  await response.text();
  assert.equal(ends[0]!.usage?.completionTokens, 3);
  assert.deepEqual(gaps, []);
});

Deno.test("a broken stream is reported as broken, with the usage it gave before", async () => {
  const rest = piecesOf([encoder.encode(`data: {${USAGE}}\n\n`)], { breaks: true });
  const { response, ends } = await answering({ held: "data: {}\n\n", rest });
  await assert.rejects(response.text());
  assert.equal(ends.length, 1);
  assert.equal(ends[0]!.outcome, "truncated");
  assert.equal(ends[0]!.usage?.promptTokens, 7);
});

Deno.test("usage is found however one or two chunk boundaries split it", async () => {
  const bytes = encoder.encode(EVENTS);
  const place = fc.integer({ min: 1, max: bytes.length - 1 });
  await fc.assert(
    fc.asyncProperty(place, place, async (one, other) => {
      const [held, ...pieces] = cutAt(bytes, [one, other]);
      const { response, ends } = await answering({ held: held!, rest: piecesOf(pieces) });
      assert.equal(await response.text(), EVENTS);
      assert.equal(ends[0]!.outcome, "ok");
      assert.deepEqual(ends[0]!.usage, { promptTokens: 7, completionTokens: 3 });
    }),
    { numRuns },
  );
});

Deno.test("usage is found in the smallest pieces that a server writes", async () => {
  // Each event arrives in two pieces, as if a read's buffer ended inside it.
  const pieces = EVENTS.split(/(?<=\n\n)/).flatMap((event) => {
    const bytes = encoder.encode(event);
    return [bytes.slice(0, bytes.length >> 1), bytes.slice(bytes.length >> 1)];
  });
  const { response, ends } = await answering({ held: pieces[0]!, rest: piecesOf(pieces.slice(1)) });
  await response.text();
  assert.deepEqual(ends[0]!.usage, { promptTokens: 7, completionTokens: 3 });
});

const TOKEN = `data: {"choices":[{"delta":{"content":"x"}}]}\n\n`;
const STOP = `data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n`;
const FAILED = `data: {"error":{"message":"m","type":"InternalServerError","code":500}}\n\n`;
const DONE = "data: [DONE]\n\n";

Deno.test("a completions stream that ends cleanly without [DONE] gets an error event and no clean end", async () => {
  const rest = piecesOf([TOKEN]);
  const { response, ends } = await answering({ held: TOKEN, rest });
  let text = "";
  await assert.rejects(async () => {
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) text += part;
  });
  assert.ok(text.startsWith(TOKEN + TOKEN));
  assert.match(text, /"code":"stream_broken"/);
  assert.deepEqual(ends.map(({ outcome }) => outcome), ["truncated"]);
  assert.ok(rest.closed());
});

for (
  const [path, event, last] of [
    [CHAT, TOKEN, DONE],
    [
      "/v1/messages",
      `data: {"type":"content_block_delta"}\n\n`,
      [
        `data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}\n\n`,
        `data: {"type":"message_stop"}\n\n`,
      ].join(""),
    ],
    [
      "/v1/responses",
      `data: {"type":"response.output_text.delta"}\n\n`,
      `data: {"type":"response.completed","response":{"output":[{}]}}\n\n`,
    ],
  ] as const
) {
  Deno.test(`a stream of ${path} is complete only with its last event`, async () => {
    const held = path === CHAT ? STOP : event;
    const whole = await answering({ held, rest: piecesOf([event, last]), path });
    assert.equal(await whole.response.text(), held + event + last);
    assert.equal(whole.ends[0]!.outcome, "ok");
    const cut = await answering({ held, rest: piecesOf([event]), path });
    await assert.rejects(cut.response.text());
    assert.equal(cut.ends[0]!.outcome, "truncated");
  });
}

Deno.test("other streams and non-streamed answers are complete when they end cleanly", async () => {
  const other = await answering({ held: TOKEN, rest: piecesOf([TOKEN]), path: "/v1/audio/speech" });
  assert.equal(await other.response.text(), TOKEN + TOKEN);
  assert.equal(other.ends[0]!.outcome, "ok");
  const type = "application/json";
  const document = await answering({ type, held: "{", rest: piecesOf(["}"]) });
  assert.equal(await document.response.text(), "{}");
  assert.equal(document.ends[0]!.outcome, "ok");
});

Deno.test("a completions stream without a finish reason is incomplete, even with [DONE]", async () => {
  const { response, ends } = await answering({ held: TOKEN, rest: piecesOf([TOKEN, DONE]) });
  await assert.rejects(response.text());
  assert.equal(ends[0]!.outcome, "aborted");
});

Deno.test("a stream that ends with its server's error is a failure, though it is passed on whole", async () => {
  const { response, ends } = await answering({ held: TOKEN, rest: piecesOf([FAILED, DONE]) });
  assert.equal(await response.text(), TOKEN + FAILED + DONE);
  assert.deepEqual(ends.map(({ outcome, status }) => [outcome, status]), [["bad_status", 200]]);
});

Deno.test("the outcome of the head is kept if the end reports nothing else", async () => {
  const rest = piecesOf(["}"], { status: 404 });
  const { response, ends } = await answering({
    type: "application/json",
    held: "{",
    rest,
    status: 404,
    outcome: "client_error",
  });
  assert.equal(response.status, 404);
  await response.text();
  assert.equal(ends[0]!.outcome, "client_error");
});

Deno.test("a stream that the router aborted reports the reason to its client and at its end", async () => {
  const rest = piecesOf([], { breaks: true, expired: "cut_off" });
  const { response, ends } = await answering({ held: TOKEN, rest });
  let text = "";
  await assert.rejects(async () => {
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) text += part;
  });
  assert.match(text, /shutting down/);
  assert.deepEqual(ends.map(({ outcome, expired }) => [outcome, expired]), [[
    "timeout",
    "cut_off",
  ]]);
});

Deno.test("however a stream is split, it ends once and correctly, and every good byte is passed on", async () => {
  const ends = {
    [STOP + DONE]: "ok",
    [`${STOP}${DONE}: late\n\n`]: "ok",
    [FAILED + DONE]: "bad_status",
    [STOP]: "truncated",
    [DONE]: "aborted",
    [STOP.replace("stop", "abort") + DONE]: "aborted",
    "": "truncated",
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(TOKEN, ": ping\n\n"), { minLength: 1, maxLength: 6 }),
      fc.constantFrom(...Object.keys(ends) as (keyof typeof ends)[]),
      fc.boolean(),
      fc.array(fc.nat(2_000), { maxLength: 20 }),
      async (events, end, breaks, places) => {
        const before = events.join("");
        const bytes = encoder.encode(before + end);
        const [held, ...pieces] = cutAt(bytes, places);
        const { response, ends: ended } = await answering({
          held: held!,
          rest: piecesOf(pieces, { breaks }),
        });
        const seen: Uint8Array[] = [];
        const clean = await (async () => {
          for await (const chunk of response.body!) seen.push(chunk);
          return true;
        })().catch(() => false);
        const expected = ends[end]!;
        const isWhole = expected === "ok" || expected === "bad_status";
        assert.equal(clean, isWhole);
        const got = seen.flatMap((chunk) => [...chunk]);
        // Comments before an invalid end may be dropped with it.
        const good = expected === "aborted"
          ? encoder.encode(before.replace(/(: ping\n\n)+$/, ""))
          : bytes;
        assert.deepEqual(got.slice(0, good.length), [...good]);
        assert.equal(got.length > good.length, !isWhole, "an error event where it broke");
        assert.deepEqual(ended.map(({ outcome }) => outcome), [expected]);
        if (expected !== "aborted") assert.equal(ended[0]!.bytes, bytes.length);
      },
    ),
    { numRuns },
  );
});

Deno.test("205 is passed on as 204: the runtime's server doesn't end a 205, and clients would wait", async () => {
  const { response } = await answering({ type: "text/plain", status: 205 });
  assert.equal(response.status, 204);
  assert.equal(await response.text(), "");
});

Deno.test("a long error after an opened head becomes an event, and the end is not clean", async () => {
  const rest = piecesOf(["more"]);
  const ends: Ended[] = [];
  const response = await exchanged(async (exchange) => {
    const reply = new Reply(exchange, "id");
    reply.open(() => [["content-type", "text/event-stream"]]);
    const answer = {
      status: 400,
      headers: new Headers(),
      isStream: false,
      body: encoder.encode(`{"error": {}`),
      rest: await attemptOver(rest, exchange.departure),
      room: ROOMY,
    };
    const first = { outcome: "client_error", answer } as const;
    ends.push(await respond(first, reply, [], () => {}));
  });
  let text = "";
  await assert.rejects(async () => {
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) text += part;
  }, { name: "BrokenAnswer" });
  assert.equal(text, `data: {"error": {}\n\n`);
  assert.deepEqual(ends.map(({ outcome, status }) => [outcome, status]), [["client_error", 400]]);
  assert.ok(rest.closed());
});
