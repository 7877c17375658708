import assert from "node:assert/strict";
import fc from "fast-check";
import { createAdmission } from "../../../src/proxy/admission.ts";
import { concat } from "../../../src/util/bytes.ts";
import {
  type Held,
  holdBody,
  holdEvents,
  holdFirst,
} from "../../../src/proxy/attempt/hold_back.ts";
import type { Dialect } from "../../../src/vllm/stream_events.ts";
import { ROOMY } from "../../support/limits.ts";
import { numRuns } from "../../support/property.ts";
import { captured } from "../../vllm/captured.ts";
import { assertLinear } from "../../support/linear.ts";
import { cutAt, type Pieces, piecesOf } from "../../support/pieces.ts";

const encoder = new TextEncoder();
const MIB = 1024 * 1024;
const ROLE = `data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n`;
const TOKEN = `data: {"choices":[{"delta":{"content":"Grüße"}}]}\n\n`;
const STOP = `data: {"choices":[{"delta":{"content":""},"finish_reason":"stop"}]}\n\n`;
const ABORT = STOP.replace(`"stop"`, `"abort"`);
const ERROR = `data: {"error":{"message":"m","type":"InternalServerError","code":500}}\n\n`;
const DONE = "data: [DONE]\n\n";
const PING = ": keep-alive\n\n";

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What was held back of a stream, and what was passed on meanwhile. */
interface Holding extends Held<Pieces> {
  readonly text: string;
  readonly early: readonly [string, "preamble" | "comment"][];
}

async function holding(
  upstream: Pieces,
  dialect: Dialect = "completions",
  room = ROOMY,
): Promise<Holding> {
  const early: [string, "preamble" | "comment"][] = [];
  const held = await holdEvents(upstream, dialect, {
    pass: (bytes, kind) => void early.push([textOf(bytes), kind]),
  }, room);
  return { ...held, text: textOf(held.body), early };
}

/** All that a client would get: the bytes passed on, those held back, then the rest. */
async function allOf({ early, body, rest }: Holding): Promise<string> {
  const chunks = [...early.map(([text]) => encoder.encode(text)), body];
  for (let chunk = await rest?.read(); chunk; chunk = await rest?.read()) chunks.push(chunk);
  return textOf(concat(chunks));
}

Deno.test("a body is held back to its end, in one piece", async () => {
  const held = await holdBody(piecesOf(["one ", "two ", "three"]), ROOMY);
  assert.equal(textOf(held.body), "one two three");
  assert.equal(held.rest, undefined);
});

Deno.test("an empty body is held back too", async () => {
  assert.deepEqual(await holdBody(piecesOf([]), ROOMY), {
    body: new Uint8Array(),
    rest: undefined,
  });
});

Deno.test("of a long body the first MiB is held back, without waiting for its end", async () => {
  const upstream = piecesOf([new Uint8Array(MIB - 1), new Uint8Array(7), "more"], {
    breaks: true,
  });
  const held = await holdBody(upstream, ROOMY);
  assert.equal(held.body.length, MIB + 6);
  assert.equal(held.rest, upstream);
  assert.equal(upstream.left(), 1);
});

Deno.test("when memory runs out, a body is held back no further, and none of it is lost", async () => {
  const upstream = piecesOf(["one ", "two ", "three ", "four"]);
  const room = createAdmission(() => ({ maxInFlight: 1, bodyBufferBytes: 10 }))
    .roomForAnswers(new Promise(() => {}));
  const held = await holdBody(upstream, room);
  assert.equal(textOf(held.body), "one two three ");
  assert.equal(held.rest, upstream);
});

Deno.test("a body whose last bytes find no room is whole nevertheless", async () => {
  const full = { take: () => false };
  const held = await holdBody(piecesOf(["whole"]), full);
  assert.equal(textOf(held.body), "whole");
  assert.equal(held.rest, undefined);
});

Deno.test("when memory runs out, a stream is passed on before its first token, and its end is still detected", async () => {
  const upstream = piecesOf([ROLE, ROLE, TOKEN, ABORT]);
  const full = { take: () => false, drop() {} };
  const held = await holding(upstream, "completions", full);
  assert.equal(upstream.left(), 3);
  assert.equal(held.watch!.see(encoder.encode(ABORT)).kind, "aborted");
});

Deno.test("a body that breaks off is not an answer", async () => {
  await assert.rejects(holdBody(piecesOf(["one "], { breaks: true }), ROOMY), /broken/);
});

Deno.test("of an answer that is passed on as it arrives, only the first bytes are held back", async () => {
  const upstream = piecesOf([`{"a":1}\n`, `{"b":2}\n`], { breaks: true });
  const held = await holdFirst(upstream);
  assert.equal(textOf(held.body), `{"a":1}\n`);
  assert.equal(held.rest, upstream);
  assert.equal(upstream.left(), 1);
  assert.deepEqual(await holdFirst(piecesOf([])), { body: new Uint8Array(), rest: undefined });
  await assert.rejects(holdFirst(piecesOf([], { breaks: true })), /broken/);
});

Deno.test("a stream is held back up to its first token and no further", async () => {
  const upstream = piecesOf([ROLE, TOKEN.slice(0, 9), TOKEN.slice(9), TOKEN], { breaks: true });
  const held = await holding(upstream);
  assert.equal(held.text, ROLE + TOKEN);
  assert.deepEqual(held.early, []);
  assert.equal(held.errorStatus, undefined);
  assert.equal(held.isAborted, undefined);
  assert.equal(held.rest, upstream);
  assert.ok(held.watch);
  assert.equal(upstream.left(), 1);
});

Deno.test("comments are passed on as they arrive, in any pieces; fields alone are not an event", async () => {
  const upstream = piecesOf([PING, PING.slice(0, 5), PING.slice(5), "event: x\n", TOKEN, TOKEN]);
  const held = await holding(upstream);
  assert.equal(held.early.map(([text]) => text).join(""), PING + PING);
  assert.ok(held.early.every(([, kind]) => kind === "comment"));
  assert.equal(held.text, `event: x\n${TOKEN}`);
  assert.equal(upstream.left(), 1);
});

Deno.test("comments are passed on wherever they are split, also between the line end and the blank line", async () => {
  for (const ending of ["\n", "\r\n"]) {
    const comments = (PING + PING + PING).replaceAll("\n", ending);
    for (let place = 1; place < comments.length; place++) {
      const pieces = [comments.slice(0, place), comments.slice(place), ROLE, TOKEN];
      const held = await holding(piecesOf(pieces));
      assert.equal(held.early.map(([text]) => text).join(""), comments, `cut at ${place}`);
      assert.equal(held.text, ROLE + TOKEN);
    }
  }
});

Deno.test("comments after a held event are held back with it", async () => {
  const held = await holding(piecesOf([PING, ROLE, PING, TOKEN]));
  assert.deepEqual(held.early, [[PING, "comment"]]);
  assert.equal(held.text, ROLE + PING + TOKEN);
});

for (
  const [what, pieces, breaks] of [
    ["breaks before its first token", [ROLE, TOKEN.slice(0, 9)], true],
    ["ends before its first token", [ROLE, TOKEN.slice(0, 9)], false],
    ["ends after comments only", [PING, PING], false],
    ["is empty", [], false],
  ] as [string, string[], boolean][]
) {
  Deno.test(`a stream that ${what} is not an answer`, async () => {
    await assert.rejects(holding(piecesOf(pieces, { breaks })));
  });
}

Deno.test("an error before the first token gives its status, a later one doesn't", async () => {
  assert.equal((await holding(piecesOf([ERROR, TOKEN]))).errorStatus, 500);
  assert.equal((await holding(piecesOf([PING + ERROR]))).errorStatus, 500);
  assert.equal((await holding(piecesOf([ROLE, ERROR]))).errorStatus, 500);
  assert.equal((await holding(piecesOf([TOKEN + ERROR]))).errorStatus, undefined);
});

for (
  const [what, pieces, isAborted] of [
    ["a role and an abort", [ROLE, ABORT, DONE], true],
    ["a role and [DONE]", [ROLE, DONE], true],
    ["[DONE] alone", [DONE], true],
    ["an empty answer that stopped", [ROLE, STOP, DONE], false],
    ["a token and an abort in one", [TOKEN + ABORT], undefined],
  ] as [string, string[], boolean | undefined][]
) {
  Deno.test(`a chat of ${what} ${isAborted ? "was" : "was not"} aborted before its first token`, async () => {
    const held = await holding(piecesOf(pieces));
    assert.equal(held.isAborted ?? false, isAborted ?? false);
    assert.equal(held.errorStatus, undefined);
  });
}

const event = (type: string, more = {}) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;

Deno.test("an empty message or response was aborted", async () => {
  const message = (tokens: number) => [
    event("message_start", { message: {} }),
    event("content_block_start"),
    event("message_delta", {
      delta: { stop_reason: "end_turn" },
      usage: { output_tokens: tokens },
    }),
    event("message_stop"),
  ];
  assert.equal((await holding(piecesOf(message(0)), "messages")).isAborted, true);
  assert.equal((await holding(piecesOf(message(3)), "messages")).isAborted, false);
  const response = (output: unknown[]) => [
    event("response.created"),
    event("response.completed", { response: { output } }),
  ];
  assert.equal((await holding(piecesOf(response([])), "responses")).isAborted, true);
  assert.equal((await holding(piecesOf(response([{}])), "responses")).isAborted, false);
});

Deno.test("events that precede the engine's work are passed on as they arrive, in any pieces", async () => {
  const long = { response: { instructions: "x".repeat(200_000) } };
  const before = [
    event("response.created", long),
    event("response.queued"),
    event("response.in_progress", long),
  ];
  const failed = event("response.failed", { response: { error: { code: "server_error" } } });
  const added = event("response.output_item.added");
  const delta = event("response.output_text.delta");
  for (const piece of [100, 7_000, 1_000_000]) {
    const pieces = (text: string) => text.match(new RegExp(`[^]{1,${piece}}`, "g"))!;
    const held = await holding(
      piecesOf([...pieces(before.join("")), PING, added, delta, event("more")]),
      "responses",
    );
    assert.deepEqual(held.early, [
      ...before.map((event) => [event, "preamble"] as const),
      [PING, "comment"],
    ]);
    assert.equal(held.text, added + delta);
    const all = pieces(before.join("") + failed);
    assert.equal((await holding(piecesOf(all), "responses")).errorStatus, 500);
    await assert.rejects(
      holding(piecesOf(pieces(before.join(""))), "responses"),
      "it ended before its answer",
    );
  }
});

Deno.test("an event of an unexpected shape counts as the first token, and its stream may end in any way", async () => {
  for (const dialect of ["messages", "responses"] as const) {
    const held = await holding(piecesOf([TOKEN, TOKEN]), dialect);
    assert.equal(held.text, TOKEN);
    assert.equal(held.watch?.isComplete, true);
  }
  const chat = await holding(piecesOf(["data: hello\n\n", "data: world\n\n"]));
  assert.equal(chat.text, "data: hello\n\n");
  assert.equal(chat.watch?.isComplete, false);
  assert.equal(chat.watch?.see(encoder.encode(DONE)).kind, "ended", "[DONE] will do");
});

for (
  const body of [`{"error":{"message":"m"}}`, ` \n[1,2]`, "<html><body>Not Found</body></html>"]
) {
  Deno.test(`a body that is not an event stream, such as ${body.trim()}, is held back whole under any type`, async () => {
    const held = await holding(piecesOf([body.slice(0, 4), body.slice(4)]));
    assert.equal(held.text, body);
    assert.equal(held.rest, undefined);
    assert.equal(held.watch, undefined);
    assert.deepEqual(held.early, []);
  });
}

Deno.test("a stream with a long opening without a token is passed on unchanged", async () => {
  const line = `: ${"x".repeat(1_000)}\n`;
  const upstream: Pieces = piecesOf(["data: x\n", ...Array(1_000).fill(line)]);
  const held = await holding(upstream);
  assert.ok(held.body.length >= 256 * 1024 && held.body.length < 258 * 1024, `${held.body.length}`);
  assert.equal(held.errorStatus, undefined);
  assert.equal(held.rest, upstream);
});

Deno.test("endless comments are passed on one by one up to a MiB, and then as they arrive", async () => {
  const comment = `: ${"x".repeat(76)}\n\n`;
  const upstream = piecesOf(Array(20_000).fill(comment));
  const held = await holding(upstream);
  const size = held.early.length * comment.length;
  assert.ok(held.early.every(([text]) => text === comment));
  assert.ok(size >= MIB && size < MIB + 100, `${size}`);
  assert.equal(held.text, "");
  assert.equal(held.rest, upstream);
});

Deno.test("holding back a stream in the smallest pieces takes linear time", async () => {
  const pieces = (text: string) => text.match(/[^]{1,8}/g)!;
  for (const start of ["", `data: {"x":"`]) {
    const unit = start === "" ? ": c\n\n" : "xxxxx";
    await assertLinear(
      (units) => assert.rejects(holding(piecesOf(pieces(start + unit.repeat(units))))),
      2_500,
    );
  }
});

Deno.test("however a stream is split, all of it is passed on and its beginning is judged", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("\n", "\r\n"),
      fc.constantFrom("", PING, PING + PING, "event: error\n", "\n\n", ROLE, PING + ROLE),
      fc.constantFrom(TOKEN, ERROR, ABORT),
      fc.array(fc.constantFrom(TOKEN, ERROR, PING, DONE), { maxLength: 3 }),
      fc.array(fc.nat(1_000), { maxLength: 12 }),
      async (ending, before, first, more, places) => {
        const text = [before, first, ...more].join("").replaceAll("\n", ending);
        const held = await holding(piecesOf(cutAt(encoder.encode(text), places)));
        assert.equal(held.errorStatus, first === ERROR ? 500 : undefined);
        assert.equal(held.isAborted, first === ABORT ? true : undefined);
        assert.equal(await allOf(held), text);
      },
    ),
    { numRuns },
  );
});

Deno.test("however a real stream is split, all of it is passed on and it is complete", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...captured),
      fc.array(fc.nat(10_000), { maxLength: 20 }),
      async ({ bytes, dialect }, places) => {
        const held = await holding(piecesOf(cutAt(bytes, places)), dialect);
        assert.equal(held.errorStatus, undefined);
        assert.equal(held.isAborted, undefined);
        const watch = held.watch!;
        const chunks = [held.body];
        for (let chunk = await held.rest!.read(); chunk; chunk = await held.rest!.read()) {
          chunks.push(chunk);
        }
        for (const chunk of chunks) watch.see(chunk);
        assert.deepEqual(watch.state, { kind: "ended", status: undefined });
        const early = held.early.map(([text]) => encoder.encode(text));
        assert.deepEqual(concat([...early, ...chunks]), bytes);
      },
    ),
    { numRuns },
  );
});
