import assert from "node:assert/strict";
import fc from "fast-check";
import { concat } from "../../../src/util/bytes.ts";
import type { Dialect } from "../../../src/vllm/stream_events.ts";
import { type StreamState, watchStream } from "../../../src/proxy/sse/stream_watch.ts";
import { numRuns } from "../../support/property.ts";
import { type Captured, captured, capturedAs } from "../../vllm/captured.ts";
import { cutAt } from "../../support/pieces.ts";

const encoder = new TextEncoder();
const DONE = "data: [DONE]\n\n";
const COMMENT = ": keep-alive\n\n";
const ERROR = `data: {"error":{"message":"m","type":"InternalServerError","code":500}}\n\n`;
const token = (content: string) =>
  `data: {"choices":[{"index":0,"delta":{"content":"${content}"},"finish_reason":null}]}\n\n`;
const last = (finish: string) =>
  `data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"${finish}"}]}\n\n`;

/** A stream as the parts before its end, at its end and after it, and the expected state. */
interface Stream {
  readonly dialect: Dialect;
  readonly before: string;
  /** The event that determines the state. */
  readonly end: string;
  readonly after?: string;
  readonly expected: "ended" | "aborted";
  /** The status of an error. */
  readonly status?: number;
}

/**
 * Feeds a stream in these pieces and checks the state after each.
 *
 * @returns the bytes that would have been passed on
 */
function watchPieces(stream: Stream, pieces: readonly Uint8Array<ArrayBuffer>[]): Uint8Array {
  const { dialect, before, end, expected, status } = stream;
  const startsAt = encoder.encode(before).length;
  const endsAt = startsAt + encoder.encode(end).length;
  const watch = watchStream(dialect);
  assert.deepEqual(watch.state, { kind: "open" });
  const passed: Uint8Array<ArrayBuffer>[] = [];
  let seen = 0;
  for (const piece of pieces) {
    const from = seen;
    seen += piece.length;
    const state = watch.see(piece);
    assert.equal(watch.state, state);
    if (seen < endsAt) {
      assert.equal(state.kind, "open", `after ${seen} of ${endsAt} bytes`);
      assert.equal(watch.isComplete, dialect === "other");
    } else if (expected === "aborted") {
      const goodBytes = Math.max(0, startsAt - from);
      assert.deepEqual(state, { kind: "aborted", goodBytes } satisfies StreamState);
      passed.push(piece.subarray(0, goodBytes));
      return concat(passed);
    } else {
      assert.equal(state.kind, "ended", `after ${seen} of ${endsAt} bytes`);
      assert.equal((state as { status?: number }).status, status);
      assert.equal(watch.isComplete, true);
    }
    passed.push(piece);
  }
  assert.ok(seen >= endsAt);
  return concat(passed);
}

function bytesOf({ before, end, after = "" }: Stream): Uint8Array<ArrayBuffer> {
  return encoder.encode(before + end + after);
}

/** Splits bytes into single ones. */
const singly = (bytes: Uint8Array<ArrayBuffer>) =>
  Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));

function streamOf(
  { dialect, events }: Captured,
  expected: Stream["expected"] = "ended",
  more: Partial<Stream> = {},
): Stream {
  return { dialect, before: events.slice(0, -1).join(""), end: events.at(-1)!, expected, ...more };
}

const CHAT = capturedAs("chat-plain");
const MESSAGES = capturedAs("messages");
const RESPONSES = capturedAs("responses");

/** The events before the one with the finish reason. */
const unfinished = CHAT.events.slice(0, -2).join("");
const streams: Record<string, Stream> = {
  ...Object.fromEntries(captured.map((capture) => [`a real ${capture.name}`, streamOf(capture)])),
  "a chat with comments behind its end": streamOf(CHAT, "ended", { after: COMMENT + COMMENT }),
  "a chat with more behind its end": streamOf(CHAT, "ended", { after: token("x") + DONE }),
  "messages with comments behind their end": streamOf(MESSAGES, "ended", { after: COMMENT }),
  "a response with comments behind its end": streamOf(RESPONSES, "ended", { after: COMMENT }),
  "a chat with comments between its events": streamOf(CHAT, "ended", {
    before: CHAT.events.slice(0, -1).map((event) => event + COMMENT).join(""),
  }),
  "a chat without a reason to stop": streamOf(CHAT, "aborted", { before: unfinished }),
  "a chat of a role alone": streamOf(CHAT, "aborted", { before: CHAT.events[0]! }),
  "a chat that was aborted": {
    dialect: "completions",
    before: unfinished,
    end: CHAT.events.at(-2)!.replace(`"finish_reason":"length"`, `"finish_reason":"abort"`),
    after: DONE,
    expected: "aborted",
  },
  "messages without a reason to stop": streamOf(MESSAGES, "aborted", {
    before: MESSAGES.events.slice(0, -1).join("").replace(`"max_tokens"`, "null"),
  }),
  "a response of nothing": streamOf(RESPONSES, "aborted", {
    before: RESPONSES.events.slice(0, 6).join(""),
    end:
      `event: response.completed\ndata: {"type":"response.completed","response":{"output":[]}}\n\n`,
  }),
  "a response at its limit": streamOf(RESPONSES, "ended", {
    end:
      `event: response.incomplete\ndata: {"type":"response.incomplete","response":{"output":[{}]}}\n\n`,
  }),
  "a chat that ends in an error": {
    dialect: "completions",
    before: unfinished,
    end: ERROR,
    after: DONE,
    expected: "ended",
    status: 500,
  },
  "messages that end in an error": {
    dialect: "messages",
    before: MESSAGES.events.slice(0, 5).join(""),
    end: `event: error\ndata: {"type":"error","error":{"type":"internal_error","message":"m"}}\n\n`,
    expected: "ended",
    status: 500,
  },
  "a response that fails": {
    dialect: "responses",
    before: RESPONSES.events.slice(0, 5).join(""),
    end:
      `event: response.failed\ndata: {"type":"response.failed","response":{"error":{"code":"server_error"}}}\n\n`,
    expected: "ended",
    status: 500,
  },
  "another stream that says [DONE]": {
    dialect: "other",
    before: `data: one\n\n${COMMENT}data: two\n\n`,
    end: DONE,
    after: COMMENT,
    expected: "ended",
  },
};

for (const [name, stream] of Object.entries(streams)) {
  Deno.test(`${name} is ${stream.expected} wherever it is split in two, and byte by byte`, () => {
    const bytes = bytesOf(stream);
    const startsAt = encoder.encode(stream.before).length;
    const good = stream.expected === "aborted" ? bytes.subarray(0, startsAt) : bytes;
    assert.deepEqual(watchPieces(stream, [bytes]), good);
    const bytewise = watchPieces(stream, singly(bytes));
    assert.deepEqual(bytewise.subarray(0, good.length), good);
    for (let place = 1; place < bytes.length; place++) {
      const passed = watchPieces(stream, [bytes.subarray(0, place), bytes.subarray(place)]);
      assert.deepEqual(passed.subarray(0, good.length), good, `cut at ${place}`);
    }
  });
}

Deno.test("any split and any line ending gives the right state, and all good bytes are passed on", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(streams)),
      fc.constantFrom("\n", "\r\n"),
      fc.array(fc.nat(100_000), { maxLength: 40 }),
      (stream, ending, places) => {
        const written = (text: string) => text.replaceAll("\n", ending);
        const { before, end, after = "" } = stream;
        const other = {
          ...stream,
          before: written(before),
          end: written(end),
          after: written(after),
        };
        const bytes = bytesOf(other);
        const passed = watchPieces(other, cutAt(bytes, places));
        const good = stream.expected === "aborted" ? encoder.encode(other.before) : bytes;
        assert.deepEqual(passed.subarray(0, good.length), good);
      },
    ),
    { numRuns },
  );
});

/** Pieces as reads return them: small after tokens, growing fourfold within a long event. */
function readsOf(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 512;
  for (let at = 0; at < bytes.length; at += pieces.at(-1)!.length) {
    pieces.push(bytes.subarray(at, at + size));
    size = Math.min(4 * size, 65_536);
  }
  return pieces;
}

const completed = (output: unknown[], instructions: string) => {
  const response = { output, instructions, usage: { output_tokens: output.length } };
  return `event: response.completed\ndata: ${
    JSON.stringify({ response, type: "response.completed" })
  }\n\n`;
};

for (const length of [1_000, 10_000, 60_000, 300_000, 900_000]) {
  Deno.test(`an end event of ${length} bytes is recognised in the pieces that reads return`, () => {
    const before = RESPONSES.events.slice(0, -1);
    const pieces = (end: string) => [
      ...before.map((event) => encoder.encode(event)),
      ...readsOf(encoder.encode(end)),
    ];
    const whole = completed([{ text: "x" }], "i".repeat(length));
    const stream = streamOf(RESPONSES, "ended", { end: whole });
    watchPieces(stream, pieces(whole));
    const nothing = completed([], "i".repeat(length));
    watchPieces({ ...stream, end: nothing, expected: "aborted" }, pieces(nothing));
  });

  Deno.test(`a finish reason is found in a last token of ${length} bytes`, () => {
    const end = last("stop").replace(`"content":""`, `"content":"${"x".repeat(length)}"`);
    const before = token("a") + token("b") + end;
    watchPieces({ dialect: "completions", before, end: DONE, expected: "ended" }, [
      encoder.encode(token("a")),
      encoder.encode(token("b")),
      ...readsOf(encoder.encode(end)),
      encoder.encode(DONE),
    ]);
  });
}

Deno.test("an oversized event does not make a stream broken", () => {
  const watch = watchStream("responses");
  const end = completed([{ text: "x" }], "i".repeat(5_000_000));
  for (const piece of readsOf(encoder.encode(end))) watch.see(piece);
  assert.equal(watch.isComplete, true);
});

Deno.test("a finish reason is remembered across later events", () => {
  const watch = watchStream("completions");
  for (const event of [token("a"), last("stop"), ...Array(12).fill(COMMENT)]) {
    watch.see(encoder.encode(event));
  }
  assert.deepEqual(watch.see(encoder.encode(DONE)), { kind: "ended", status: undefined });
});

Deno.test("the finish reason may be in the part that was held back", () => {
  const held = watchStream("completions", true);
  assert.equal(held.see(encoder.encode(DONE)).kind, "ended");
  const open = watchStream("completions");
  assert.equal(open.see(encoder.encode(DONE)).kind, "aborted");
});

Deno.test("end markers in a model's text do not end the stream", () => {
  for (const dialect of ["completions", "messages", "responses", "other"] as const) {
    const watch = watchStream(dialect);
    for (const text of ["[DONE]", `\\"abort\\"`, `\\"message_stop\\"`, `\\"error\\": {}`]) {
      assert.equal(watch.see(encoder.encode(token(text))).kind, "open", `${dialect} ${text}`);
    }
  }
});

Deno.test("a stream without an end is incomplete, unless its format is unknown", () => {
  for (
    const [dialect, isComplete] of [
      ["completions", false],
      ["messages", false],
      ["responses", false],
      ["other", true],
      [undefined, true],
    ] as const
  ) {
    const watch = watchStream(dialect);
    watch.see(encoder.encode("data: x\n\n"));
    assert.equal(watch.isComplete, isComplete, dialect);
  }
});

Deno.test("anything but an event stream is not parsed; only its last bytes are kept", () => {
  const watch = watchStream(undefined);
  assert.equal(watch.see(encoder.encode(DONE + ERROR)).kind, "open");
  assert.equal(new TextDecoder().decode(watch.tail()), DONE + ERROR);
});

Deno.test("the last bytes are kept in order, and short pieces are merged with the one before", () => {
  const chunk = (letter: string) => letter.repeat(100);
  const tailAfter = (...chunks: string[]) => {
    const watch = watchStream(undefined);
    for (const chunk of chunks) watch.see(encoder.encode(chunk));
    return new TextDecoder().decode(watch.tail());
  };
  assert.equal(tailAfter(), "");
  assert.equal(tailAfter("a"), "a");
  const letters = [..."abcdefg"].map(chunk);
  assert.equal(tailAfter(...letters), letters.slice(-4).join(""));
  assert.equal(tailAfter(chunk("a"), ..."hello"), `${chunk("a")}hello`);
  assert.equal(tailAfter("y".repeat(100_000)).length, 16 * 1024);
});

Deno.test("an ended stream stays ended whatever follows", () => {
  const watch = watchStream("completions", true);
  const ended = watch.see(encoder.encode(DONE));
  assert.equal(watch.see(encoder.encode(ERROR + last("abort"))), ended);
  assert.equal(watch.state.kind, "ended");
});

Deno.test("the finish reasons of a real server's choices are kept", () => {
  for (const { name, dialect, bytes } of captured) {
    const watch = watchStream(dialect);
    watch.see(bytes);
    const one = { messages: "max_tokens", responses: "incomplete", completions: "length" }[dialect];
    assert.deepEqual(watch.finishReasons, name === "chat-n2" ? [one, one] : [one], name);
  }
});

Deno.test("a stream that gives reasons without end has a limit of them", () => {
  const watch = watchStream("completions");
  for (let i = 0; i < 1_000; i++) watch.see(encoder.encode(last("stop")));
  assert.equal(watch.finishReasons.length, 128);
});
