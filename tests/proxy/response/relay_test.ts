import assert from "node:assert/strict";
import { fetchBy } from "../../../src/http/fetch.ts";
import type { Outcome } from "../../../src/fleet/outcome.ts";
import { firstAnswerTo } from "../../support/ask.ts";
import { relayed } from "../../support/relayed.ts";
import { brokenStream } from "../../../src/proxy/response/server_errors.ts";
import { watchStream } from "../../../src/proxy/sse/stream_watch.ts";
import { limitsWith } from "../../support/limits.ts";
import { until } from "../../support/until.ts";
import { startUpstream, type TestUpstream } from "../../support/upstream.ts";

import type { Dialect } from "../../../src/vllm/stream_events.ts";
import { type Pieces, piecesOf } from "../../support/pieces.ts";

const encoder = new TextEncoder();
const FIRST = "data: first\n\n";
const DONE = "data: [DONE]\n\n";
const token = (finish?: string) =>
  `data: {"choices":[{"delta":{"content":"x"},"finish_reason":${
    JSON.stringify(finish ?? null)
  }}]}\n\n`;
const ABORT = token("abort");
/** Exceeds the bytes held back of a non-streamed answer. */
const LARGE = 2 * 1024 * 1024;

/** Sends `first` at once, then calls `rest` with the stream. */
function startStream(
  first: string | Uint8Array,
  contentType: string,
  rest: (controller: ReadableStreamDefaultController) => void,
): TestUpstream {
  return startUpstream(() =>
    new Response(
      new ReadableStream({
        start: (controller) =>
          controller.enqueue(typeof first === "string" ? encoder.encode(first) : first),
        pull: rest,
      }),
      { headers: { "content-type": contentType } },
    )
  );
}

interface Relayed {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Arguments of every call of `onEnd`. */
  readonly ends: [Outcome, number][];
  /** Arguments of every call of `onNext`. */
  readonly gaps: number[];
  /** The last bytes at the end. */
  readonly tail: () => string;
  readonly leave: () => void;
}

async function relaying(
  server: TestUpstream,
  use: (relayed: Relayed) => Promise<void>,
  { chunkMs = 5_000, clientMs = 5_000, path = "/other" }: {
    chunkMs?: number;
    clientMs?: number;
    path?: string;
  } = {},
): Promise<void> {
  using client = Deno.createHttpClient({ http2: false });
  const gone = new AbortController();
  const { answer } = await firstAnswerTo({
    url: server.url,
    path,
    headers: [],
    body: encoder.encode("{}"),
    fetch: fetchBy(client),
    fetchFresh: fetchBy(client),
    limits: limitsWith({ chunkMs, clientMs }),
    clientLeft: gone.signal,
    reply: { hasPreamble: false, open() {}, pass() {} },
    headFor: () => [],
  });
  assert.ok(answer?.rest, "there is more to come");
  const ends: [Outcome, number][] = [];
  const gaps: number[] = [];
  let tail = "";
  const stream = await relayed({
    held: answer.body,
    rest: answer.rest,
    watch: answer.watch ?? watchStream(undefined),
    isStream: answer.isStream,
    clientLeft: gone.signal,
    onLeave: () => gone.abort(),
    errorFor: (expired) => brokenStream(expired, { chunkTimeoutMs: chunkMs }),
    onNext: (gapMs) => void gaps.push(gapMs),
    onEnd(outcome, { bytes, tail: last }) {
      ends.push([outcome, bytes]);
      tail = new TextDecoder().decode(last);
    },
  });
  try {
    await use({ stream, ends, gaps, tail: () => tail, leave: () => gone.abort() });
  } finally {
    answer.rest.end();
  }
}

/** The text of a stream, and whether it ended cleanly. */
async function readAll(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
  let text = "";
  try {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) text += part;
    return { text, clean: true };
  } catch {
    return { text, clean: false };
  }
}

Deno.test("a stream is passed on from its first byte to its clean end", async () => {
  await using server = startStream(FIRST, "text/event-stream", (controller) => {
    controller.enqueue(encoder.encode("data: [DONE]\n\n"));
    controller.close();
  });
  await relaying(server, async ({ stream, ends }) => {
    const { text, clean } = await readAll(stream);
    assert.deepEqual({ text, clean }, { text: `${FIRST}data: [DONE]\n\n`, clean: true });
    assert.deepEqual(ends, [["ok", text.length]]);
  });
});

Deno.test("an event stream that breaks off ends with an error event and no clean end", async () => {
  await using server = startStream(
    FIRST,
    "text/event-stream; charset=utf-8",
    (controller) => controller.error(new Error("broken")),
  );
  await relaying(server, async ({ stream, ends }) => {
    const { text, clean } = await readAll(stream);
    assert.equal(clean, false);
    const [first, error, ...more] = text.split("\n\n").filter((event) => event !== "");
    assert.equal(first, FIRST.trim());
    assert.equal(JSON.parse(error!.replace("data: ", "")).error.code, "stream_broken");
    assert.deepEqual(more, []);
    assert.deepEqual(ends.map(([outcome]) => outcome), ["truncated"]);
  });
});

Deno.test("an event stream that falls silent ends with an error that says so", async () => {
  await using server = startStream(FIRST, "text/event-stream", () => {});
  await relaying(server, async ({ stream, ends }) => {
    const { text, clean } = await readAll(stream);
    assert.equal(clean, false);
    assert.match(text, /"type":"gateway_timeout".*"code":"stream_broken"/);
    assert.deepEqual(ends.map(([outcome]) => outcome), ["timeout"]);
  }, { chunkMs: 100 });
});

Deno.test("an incomplete stream that ends cleanly gets an error event and no clean end", async () => {
  await using server = startStream(token(), "text/event-stream", (controller) => {
    controller.enqueue(encoder.encode(token()));
    controller.close();
  });
  await relaying(server, async ({ stream, ends }) => {
    const { text, clean } = await readAll(stream);
    assert.equal(clean, false);
    assert.ok(text.startsWith(token() + token()));
    assert.match(text, /"code":"stream_broken"/);
    assert.deepEqual(ends.map(([outcome]) => outcome), ["truncated"]);
  }, { path: "/v1/chat/completions" });
});

Deno.test("a non-streamed answer that breaks off gets no text of the router's", async () => {
  await using server = startStream(
    new Uint8Array(LARGE).fill(32),
    "application/json",
    (controller) => controller.error(new Error("broken")),
  );
  await relaying(server, async ({ stream, ends }) => {
    const { text, clean } = await readAll(stream);
    assert.equal(clean, false);
    assert.equal(text.trim(), "");
    assert.deepEqual(ends.map(([outcome]) => outcome), ["truncated"]);
  });
});

Deno.test("a disconnecting client ends the relay once, by its signal or by its stream", async () => {
  await using server = startStream(FIRST, "text/event-stream", () => {});
  await relaying(server, async ({ stream, ends, leave }) => {
    const reader = stream.getReader();
    await reader.read();
    leave();
    await until("it has ended", () => ends.length > 0);
    assert.deepEqual(ends, [["client_closed", FIRST.length]]);
    await assert.rejects(reader.read());
    assert.equal(ends.length, 1);
  });
  await relaying(server, async ({ stream, ends, leave }) => {
    await stream.cancel();
    leave();
    await until("it has ended", () => ends.length > 0);
    assert.deepEqual(ends, [["client_closed", 0]]);
  });
});

Deno.test("each chunk after the first is reported, and the last few are kept in order", async () => {
  const events = Array.from({ length: 10 }, (_, i) => `data: event ${i} ${"x".repeat(64)}\n\n`);
  let sent = 1;
  // Each waits until the one before has arrived, so that none are merged.
  let arrived = Promise.withResolvers<void>();
  await using server = startStream(events[0]!, "text/event-stream", async (controller) => {
    await arrived.promise;
    arrived = Promise.withResolvers();
    if (sent === events.length) controller.close();
    else controller.enqueue(encoder.encode(events[sent++]));
  });
  await relaying(server, async ({ stream, ends, gaps, tail }) => {
    const seen: string[] = [];
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      seen.push(text);
      arrived.resolve();
    }
    assert.deepEqual(seen, events);
    assert.equal(gaps.length, events.length - 1);
    assert.ok(gaps.every((gap) => gap >= 0));
    assert.equal(tail(), events.slice(-4).join(""));
    assert.deepEqual(ends, [["ok", events.join("").length]]);
  });
});

Deno.test("an end that arrives byte by byte is recognised, and kept with the bytes before it", async () => {
  const pieces = [token(), token("stop"), ...DONE];
  const rest = piecesOf(pieces.slice(1));
  const { text, clean, ends, tails } = await relayAll(rest, token(), "completions");
  assert.deepEqual({ text, clean }, { text: pieces.join(""), clean: true });
  assert.deepEqual(ends, ["ok"]);
  assert.deepEqual(tails, [pieces.join("")]);
});

/** Relays an event stream to its end, and returns all that was reported. */
async function relayAll(rest: Pieces, held: string, dialect: Dialect) {
  const ends: Outcome[] = [];
  const bytes: number[] = [];
  const tails: string[] = [];
  const stream = await relayed({
    held: encoder.encode(held),
    rest,
    watch: watchStream(dialect),
    isStream: true,
    clientLeft: new AbortController().signal,
    errorFor: (expired) => brokenStream(expired, { chunkTimeoutMs: 1_000 }),
    onNext() {},
    onEnd(outcome, passed) {
      ends.push(outcome);
      bytes.push(passed.bytes);
      tails.push(new TextDecoder().decode(passed.tail));
    },
  });
  return { ...await readAll(stream), ends, bytes, tails };
}

for (
  const [behind, breaks] of [[[], true], [[": late\n\n"], true], [[": late\n\n"], false]] as const
) {
  Deno.test(`a stream with its last event is complete, whatever its connection does: ${behind.length} comments, then it ${breaks ? "breaks" : "closes"}`, async () => {
    const end = token("stop") + DONE;
    const rest = piecesOf([end, ...behind], { breaks });
    const { text, clean, ends } = await relayAll(rest, token(), "completions");
    assert.deepEqual({ text, clean }, { text: token() + end + behind.join(""), clean: true });
    assert.deepEqual(ends, ["ok"]);
  });
}

Deno.test("a stream that ended with its server's error event gets no second one", async () => {
  const error = `data: {"error":{"message":"m","code":500}}\n\n`;
  const rest = piecesOf([error], { breaks: true });
  const { text, clean, ends } = await relayAll(rest, token(), "completions");
  assert.deepEqual({ text, clean }, { text: token() + error, clean: true });
  assert.deepEqual(ends, ["bad_status"]);
});

Deno.test("an abort held back after the first token is reported as a broken stream", async () => {
  const rest = piecesOf([], { breaks: true });
  const { text, clean, ends } = await relayAll(rest, token() + ABORT + DONE, "completions");
  assert.equal(clean, false);
  assert.match(text.slice(token().length), /^\n\ndata: {"error":.*"code":"stream_broken"/);
  assert.ok(text.startsWith(token()));
  assert.deepEqual(ends, ["aborted"]);
});

Deno.test("a stream whose server keeps the connection open ends a second after its last event", async () => {
  await using server = startStream(token("stop"), "text/event-stream", (controller) => {
    controller.enqueue(encoder.encode(DONE));
    return new Promise(() => {});
  });
  await relaying(server, async ({ stream, ends }) => {
    const started = performance.now();
    const { text, clean } = await readAll(stream);
    const after = performance.now() - started;
    assert.deepEqual({ text, clean }, { text: token("stop") + DONE, clean: true });
    assert.ok(after >= 990 && after < 30_000, `${after} ms`);
    assert.deepEqual(ends.map(([outcome]) => outcome), ["ok"]);
  }, { path: "/v1/chat/completions" });
});

Deno.test("a client that disconnects after the last event has its complete answer", async () => {
  const rest = piecesOf([token("stop") + DONE, ": late\n\n"]);
  const ends: Outcome[] = [];
  const gone = new AbortController();
  const stream = await relayed({
    held: encoder.encode(token()),
    rest,
    watch: watchStream("completions"),
    isStream: true,
    clientLeft: gone.signal,
    errorFor: () => assert.fail("it is whole"),
    onNext() {},
    onEnd: (outcome) => void ends.push(outcome),
  });
  const reader = stream.getReader();
  await reader.read();
  await reader.read();
  gone.abort();
  await until("it has ended", () => ends.length > 0);
  assert.deepEqual(ends, ["ok"]);
  assert.equal(rest.closed(), true);
  await reader.cancel().catch(() => {});
});

for (
  const [what, pieces, good] of [
    ["an abort", [token(), ABORT, DONE], token() + token()],
    ["an abort beside a token", [token() + ABORT + DONE], token() + token()],
    ["[DONE] without a reason to stop", [token(), DONE], token() + token()],
  ] as const
) {
  Deno.test(`${what} in mid-stream is reported as broken after all good bytes`, async () => {
    const rest = piecesOf(pieces);
    const { text, clean, ends } = await relayAll(rest, token(), "completions");
    assert.equal(clean, false);
    assert.ok(text.startsWith(good));
    assert.match(text.slice(good.length), /^\n\ndata: {"error":.*"code":"stream_broken"/);
    assert.doesNotMatch(text, /abort|\[DONE\]/);
    assert.deepEqual(ends, ["aborted"]);
    assert.equal(rest.closed(), true);
  });
}

Deno.test("the rest is closed if it broke or its client left; at a clean end it has closed itself", async () => {
  const relayedFrom = (rest: Pieces, clientLeft = new AbortController().signal) =>
    relayed({
      held: encoder.encode(FIRST),
      rest,
      watch: watchStream("other"),
      isStream: true,
      clientLeft,
      errorFor: (expired) => brokenStream(expired, { chunkTimeoutMs: 1 }),
      onNext() {},
      onEnd() {},
    });
  const broken = piecesOf([], { breaks: true });
  await readAll(await relayedFrom(broken));
  assert.equal(broken.closed(), true);
  const left = piecesOf(["more"]);
  await (await relayedFrom(left)).cancel();
  assert.equal(left.closed(), true);
  const whole = piecesOf(["more"]);
  await readAll(await relayedFrom(whole));
  assert.equal(whole.closed(), false);
});

for (const [expired, outcome] of [["unread", "client_closed"], ["cut_off", "timeout"]] as const) {
  Deno.test(`an answer that is ${expired} while no read is pending ends at once, and not cleanly`, async () => {
    const rest = piecesOf(["one", "two"]);
    const ends: [Outcome, number][] = [];
    const stream = await relayed({
      held: encoder.encode(FIRST),
      rest,
      watch: watchStream("other"),
      isStream: true,
      clientLeft: new AbortController().signal,
      errorFor: () => assert.fail("nobody would read it"),
      onNext() {},
      onEnd: (outcome, { bytes }) => void ends.push([outcome, bytes]),
    });
    const reader = stream.getReader();
    await reader.read();
    rest.expire(expired);
    await until("it has ended", () => ends.length > 0);
    assert.deepEqual(ends, [[outcome, FIRST.length]]);
    assert.equal(rest.closed(), true);
    await assert.rejects(reader.read(), { name: "BrokenAnswer" });
    rest.expire(expired);
    assert.equal(ends.length, 1);
    assert.equal(rest.left(), 2);
  });
}

Deno.test("a client that stops reading is aborted, and its server released", async () => {
  const events = encoder.encode("data: more\n\n");
  let cancelled = false;
  let pulled = Promise.resolve();
  await using server = startUpstream(() =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(encoder.encode(FIRST)),
        pull: (controller) =>
          pulled = (async () => {
            await new Promise((resolve) => setTimeout(resolve, 5));
            if (!cancelled) controller.enqueue(events);
          })(),
        cancel: () => void (cancelled = true),
      }),
      { headers: { "content-type": "text/event-stream" } },
    )
  );
  await relaying(server, async ({ stream, ends }) => {
    const reader = stream.getReader();
    await reader.read();
    await reader.read();
    await until("given up", () => ends.length === 1);
    assert.equal(ends[0]![0], "client_closed");
    await until("let go", () => cancelled);
    await pulled;
    await assert.rejects(reader.read());
    assert.equal(ends.length, 1);
  }, { clientMs: 100 });
});

Deno.test("nothing is read from the server before the client is ready for it", async () => {
  const rest = piecesOf(["one", "two", "three"]);
  const stream = await relayed({
    held: encoder.encode(FIRST),
    rest,
    watch: watchStream("other"),
    isStream: true,
    clientLeft: new AbortController().signal,
    errorFor: () => assert.fail("it is whole"),
    onNext() {},
    onEnd() {},
  });
  const reader = stream.getReader();
  await reader.read();
  assert.equal(rest.left(), 3);
  await reader.read();
  assert.equal(rest.left(), 2);
  await reader.cancel();
});

Deno.test("a client that pauses after the last event holds nothing for longer than a second", async () => {
  const rest = piecesOf([token("stop") + DONE]);
  const ends: Outcome[] = [];
  const stream = await relayed({
    held: encoder.encode(token()),
    rest,
    watch: watchStream("completions"),
    isStream: true,
    clientLeft: new AbortController().signal,
    errorFor: () => assert.fail("it is complete"),
    onNext() {},
    onEnd: (outcome) => void ends.push(outcome),
  });
  const reader = stream.getReader();
  await reader.read();
  await reader.read();
  const after = await until("it has ended", () => ends.length > 0);
  assert.ok(after >= 900, `${after} ms`);
  assert.deepEqual(ends, ["ok"]);
  assert.equal(rest.closed(), true);
  assert.equal((await reader.read()).done, true, "the end is clean");
});
