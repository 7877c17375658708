import assert from "node:assert/strict";
import type { Outcome } from "../../src/fleet/outcome.ts";
import { attempt } from "../../src/proxy/attempt.ts";
import { concat } from "../../src/proxy/bytes.ts";
import { brokenStream } from "../../src/proxy/errors.ts";
import { relay } from "../../src/proxy/relay.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

const encoder = new TextEncoder();
const FIRST = "data: first\n\n";
/** More than an answer that is no stream is held back. */
const LARGE = 2 * 1024 * 1024;

/** Sends `first` at once, then what `rest` does with the stream. */
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
  /** Every call of `onEnd`. */
  readonly ends: [Outcome, number][];
  /** Every call of `onNext`. */
  readonly gaps: number[];
  /** The last bytes, as they are at the end. */
  readonly tail: () => string;
  readonly leave: () => void;
}

async function relaying(
  server: TestUpstream,
  use: (relayed: Relayed) => Promise<void>,
  timeoutMs = 5_000,
): Promise<void> {
  using client = Deno.createHttpClient({ http2: false });
  const gone = new AbortController();
  const { answer } = await attempt({
    url: server.url,
    headers: [],
    body: encoder.encode("{}"),
    client,
    timeoutMs,
    clientGone: gone.signal,
  });
  assert.ok(answer?.rest, "there is more to come");
  const ends: [Outcome, number][] = [];
  const gaps: number[] = [];
  let tail = "";
  const stream = relay({
    held: answer.body,
    rest: answer.rest,
    headers: answer.headers,
    clientGone: gone.signal,
    errorFor: (outcome) => brokenStream(outcome, timeoutMs),
    onNext: (gapMs) => void gaps.push(gapMs),
    onEnd(outcome, bytes, last) {
      ends.push([outcome, bytes]);
      tail = new TextDecoder().decode(concat(last()));
    },
  });
  try {
    await use({ stream, ends, gaps, tail: () => tail, leave: () => gone.abort() });
  } finally {
    answer.rest.close();
  }
}

/** All text of a stream and whether it ended cleanly. */
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

Deno.test("a stream of events that breaks ends in an error event and no clean end", async () => {
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
    assert.equal(JSON.parse(error!.replace("data: ", "")).error.code, 502);
    assert.deepEqual(more, []);
    assert.deepEqual(ends.map(([outcome]) => outcome), ["truncated"]);
  });
});

Deno.test("a stream of events that falls silent says so and ends", async () => {
  await using server = startStream(FIRST, "text/event-stream", () => {});
  await relaying(server, async ({ stream, ends }) => {
    const { text, clean } = await readAll(stream);
    assert.equal(clean, false);
    assert.match(text, /"code":504/);
    assert.deepEqual(ends.map(([outcome]) => outcome), ["timeout"]);
  }, 100);
});

Deno.test("an answer that is no stream breaks without a word of ours in it", async () => {
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

Deno.test("a client that leaves ends it once, by its signal or by its stream", async () => {
  await using server = startStream(FIRST, "text/event-stream", () => {});
  await relaying(server, async ({ stream, ends, leave }) => {
    const reader = stream.getReader();
    await reader.read();
    leave();
    assert.deepEqual(ends, [["client_closed", FIRST.length]]);
    await assert.rejects(reader.read());
    assert.equal(ends.length, 1);
  });
  await relaying(server, async ({ stream, ends, leave }) => {
    await stream.cancel();
    leave();
    assert.deepEqual(ends, [["client_closed", 0]]);
  });
});

Deno.test("each chunk after the first is heard of, and the last few are kept in their order", async () => {
  const events = Array.from({ length: 10 }, (_, i) => `data: event ${i}\n\n`);
  let sent = 1;
  // Each waits until the one before has arrived, so that none are joined.
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
