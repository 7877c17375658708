import assert from "node:assert/strict";
import fc from "fast-check";
import { eventsIn } from "../support/events.ts";
import { type Dialect, dialectOf, readEvent, wasAborted } from "../../src/vllm/stream_events.ts";
import { numRuns } from "../support/property.ts";
import { captured, capturedAs } from "./captured.ts";

for (
  const [path, dialect] of [
    ["/v1/chat/completions", "completions"],
    ["/v1/completions", "completions"],
    ["/v1/completions?api-version=1", "completions"],
    ["/inference/v1/generate", "completions"],
    ["/v1/responses", "responses"],
    ["/v1/responses?a=/v1/messages", "responses"],
    ["/v1/messages", "messages"],
    ["/v1/messages/count_tokens", "other"],
    ["/v1/responses/resp_1", "responses"],
    ["/v1/audio/transcriptions", "other"],
    ["/v1/chat/completions/", "other"],
    ["/", "other"],
  ] as const
) {
  Deno.test(`what ${path} streams is read as ${dialect}`, () => {
    assert.equal(dialectOf(path), dialect);
  });
}

/** Kinds and finish reasons of a stream's events, with equal neighbours merged. */
function kindsOf(text: string, dialect: Dialect): string[] {
  const runs: { what: string; count: number }[] = [];
  for (const event of eventsIn(text)) {
    const { kind, finish } = readEvent(event, dialect);
    const what = finish === undefined ? kind : `${kind} ${finish}`;
    if (runs.at(-1)?.what === what) runs.at(-1)!.count++;
    else runs.push({ what, count: 1 });
  }
  return runs.map(({ what, count }) => count === 1 ? what : `${count} × ${what}`);
}

for (
  const [name, expected] of [
    ["chat-plain", ["frame", "11 × token", "token length", "end"]],
    ["chat-keep-alive", ["frame", "5 × token", "token length", "end"]],
    ["chat-include-usage", ["frame", "11 × token", "token length", "frame", "end"]],
    ["chat-continuous-usage", ["frame", "5 × token", "token length", "frame", "end"]],
    ["chat-logprobs", ["frame", "3 × token", "token length", "end"]],
    ["chat-n2", ["2 × frame", "6 × token", "2 × token length", "end"]],
    ["chat-return-token-ids", ["frame", "5 × token", "token length", "end"]],
    ["completions-include-usage", ["11 × token", "token length", "frame", "end"]],
    ["messages", ["2 × frame", "11 × token", "frame", "frame max_tokens", "end"]],
    [
      "responses",
      ["2 × preamble", "2 × frame", "12 × token", "3 × frame", "end incomplete"],
    ],
  ] as const
) {
  Deno.test(`a real server's ${name} is read event by event`, () => {
    const { events, dialect } = capturedAs(name);
    assert.deepEqual(kindsOf(events.join(""), dialect), expected);
  });
}

const event = (data: unknown, name?: string) => ({
  name,
  data: typeof data === "string" ? data : JSON.stringify(data),
  end: 0,
});
const chat = (delta: unknown, finish: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
});

for (
  const [what, data, expected] of [
    ["[DONE]", "[DONE]", { kind: "end" }],
    ["a role alone", chat({ role: "assistant", content: "" }), {
      kind: "frame",
      finish: undefined,
    }],
    ["a role and a null", chat({ role: "assistant", content: null }), {
      kind: "frame",
      finish: undefined,
    }],
    ["content", chat({ content: "x" }), { kind: "token", finish: undefined }],
    ["reasoning", chat({ reasoning_content: "x" }), { kind: "token", finish: undefined }],
    ["a tool call", chat({ tool_calls: [{ index: 0 }] }), { kind: "token", finish: undefined }],
    ["no tool calls", chat({ tool_calls: [] }), { kind: "frame", finish: undefined }],
    ["an end without text", chat({ content: "" }, "stop"), { kind: "frame", finish: "stop" }],
    ["an end with text", chat({ content: "x" }, "length"), { kind: "token", finish: "length" }],
    ["an abort", chat({ content: "" }, "abort"), { kind: "frame", finish: "abort" }],
    ["text", { choices: [{ text: "x", finish_reason: null }] }, {
      kind: "token",
      finish: undefined,
    }],
    ["no text", { choices: [{ text: "", finish_reason: null }] }, {
      kind: "frame",
      finish: undefined,
    }],
    ["token ids", { choices: [{ token_ids: [5] }] }, { kind: "token", finish: undefined }],
    ["usage alone", { choices: [], usage: {} }, { kind: "frame", finish: undefined }],
    ["an abort beside an end", {
      choices: [{ finish_reason: "stop" }, { finish_reason: "abort" }],
    }, { kind: "frame", finish: "abort" }],
    ["an end beside an abort", {
      choices: [{ finish_reason: "abort" }, { finish_reason: "stop" }],
    }, { kind: "frame", finish: "abort" }],
    ["choices that are none", { choices: [null, 3] }, { kind: "frame", finish: undefined }],
    ["another shape", { id: "x" }, { kind: "token", finish: "unknown" }],
    ["JSON that is no object", "3", { kind: "token", finish: "unknown" }],
    ["no JSON", "hello", { kind: "token", finish: "unknown" }],
    ["an error", { error: { message: "m", code: 500 } }, { kind: "error", status: 500 }],
  ] as const
) {
  Deno.test(`of completions, ${what} is ${expected.kind}`, () => {
    assert.deepEqual(readEvent(event(data), "completions"), expected);
  });
}

const response = (output: unknown, usage?: unknown) => ({
  type: "response.completed",
  response: { status: "completed", output, usage },
});

for (
  const [what, data, expected] of [
    ["its creation", { type: "response.created" }, { kind: "preamble" }],
    ["its queue", { type: "response.queued" }, { kind: "preamble" }],
    ["its progress", { type: "response.in_progress" }, { kind: "preamble" }],
    ["an item's begin", { type: "response.output_item.added" }, { kind: "frame" }],
    ["an item's end", { type: "response.output_item.done" }, { kind: "frame" }],
    ["text", { type: "response.output_text.delta", delta: "x" }, { kind: "token" }],
    ["reasoning", { type: "response.reasoning_text.delta" }, { kind: "token" }],
    ["what is new", { type: "response.new_kind.partial" }, { kind: "token" }],
    ["a whole", response([{}], { output_tokens: 3 }), {
      kind: "end",
      finish: "completed",
      isEmpty: false,
    }],
    ["a whole without a word of tokens", response([{}]), {
      kind: "end",
      finish: "completed",
      isEmpty: false,
    }],
    ["nothing", response([], { output_tokens: 0 }), {
      kind: "end",
      finish: "completed",
      isEmpty: true,
    }],
    ["nothing without usage", response([]), {
      kind: "end",
      finish: "completed",
      isEmpty: true,
    }],
    ["an empty item", response([{}], { output_tokens: 0 }), {
      kind: "end",
      finish: "completed",
      isEmpty: true,
    }],
    ["tokens without an item", response([], { output_tokens: 2 }), {
      kind: "end",
      finish: "completed",
      isEmpty: false,
    }],
    ["an end at the limit", { type: "response.incomplete", response: { output: [{}] } }, {
      kind: "end",
      finish: "incomplete",
      isEmpty: false,
    }],
    ["a failure", { type: "response.failed", response: { error: { code: "server_error" } } }, {
      kind: "error",
      status: 500,
    }],
    ["another shape", { choices: [] }, { kind: "token", finish: "unknown" }],
    ["no JSON", "hello", { kind: "token", finish: "unknown" }],
    ["[DONE]", "[DONE]", { kind: "end" }],
  ] as const
) {
  Deno.test(`of a response, ${what} is ${expected.kind}`, () => {
    assert.deepEqual(readEvent(event(data), "responses"), expected);
  });
}

Deno.test("an event's name is used if its data has no type", () => {
  assert.equal(readEvent(event({}, "response.created"), "responses").kind, "preamble");
  assert.equal(readEvent(event({}, "message_stop"), "messages").kind, "end");
  const both = event({ type: "response.output_text.delta" }, "response.created");
  assert.equal(readEvent(both, "responses").kind, "token");
});

const delta = (stop_reason: string | null, output_tokens?: number) => ({
  type: "message_delta",
  delta: { stop_reason },
  usage: { output_tokens },
});

for (
  const [what, data, expected] of [
    ["its begin", { type: "message_start" }, { kind: "frame" }],
    ["a ping", { type: "ping" }, { kind: "frame" }],
    ["a block's begin", { type: "content_block_start" }, { kind: "frame" }],
    ["a block's end", { type: "content_block_stop" }, { kind: "frame" }],
    ["text", { type: "content_block_delta", delta: { text: "x" } }, { kind: "token" }],
    ["why it stopped", delta("end_turn", 12), {
      kind: "frame",
      finish: "end_turn",
      isEmpty: false,
    }],
    ["that it stopped without a token", delta("end_turn", 0), {
      kind: "frame",
      finish: "end_turn",
      isEmpty: true,
    }],
    ["no reason", delta(null), { kind: "frame", finish: undefined, isEmpty: false }],
    ["its end", { type: "message_stop" }, { kind: "end" }],
    ["an error", { type: "error", error: { type: "internal_error", message: "m" } }, {
      kind: "error",
      status: 500,
    }],
    ["a full queue", {
      type: "error",
      error: { type: "internal_error", message: "Error 503: cannot accept new requests" },
    }, { kind: "error", status: 503 }],
    ["another shape", { choices: [] }, { kind: "token", finish: "unknown" }],
  ] as const
) {
  Deno.test(`of a message, ${what} is ${expected.kind}`, () => {
    assert.deepEqual(readEvent(event(data), "messages"), expected);
  });
}

Deno.test("in other streams only [DONE] and errors are recognised", () => {
  assert.deepEqual(readEvent(event("[DONE]"), "other"), { kind: "end" });
  assert.deepEqual(readEvent(event({ error: { code: 503 } }), "other"), {
    kind: "error",
    status: 503,
  });
  for (const data of [chat({ content: "x" }, "abort"), { type: "message_stop" }, "x"]) {
    assert.deepEqual(readEvent(event(data), "other"), { kind: "token" });
  }
});

Deno.test("a type that can't be written as a text is none", () => {
  for (const dialect of ["responses", "messages"] as const) {
    const data = JSON.stringify({ type: { toString: false } });
    assert.equal(readEvent({ name: undefined, data, end: 0 }, dialect).kind, "token");
  }
});

Deno.test("an event with any content is read", () => {
  const type = fc.constantFrom(
    "response.completed",
    "response.failed",
    "message_delta",
    "error",
    "message_stop",
  );
  const data = fc.oneof(
    fc.string(),
    fc.json(),
    fc.record({
      type: fc.oneof(type, fc.jsonValue()),
      choices: fc.jsonValue(),
      response: fc.jsonValue(),
      error: fc.jsonValue(),
      delta: fc.jsonValue(),
      usage: fc.jsonValue(),
    }, { requiredKeys: [] }).map((event) => JSON.stringify(event)),
  );
  const dialects = fc.constantFrom<Dialect>("completions", "responses", "messages", "other");
  fc.assert(
    fc.property(data, fc.option(type, { nil: undefined }), dialects, (data, name, dialect) => {
      const { kind, status } = readEvent({ name, data, end: 0 }, dialect);
      assert.ok(["preamble", "frame", "token", "end", "error"].includes(kind));
      if (kind === "error") assert.ok(status! >= 400 && status! <= 599);
    }),
    { numRuns },
  );
});

const WHOLE_MESSAGE = {
  type: "message",
  content: [{ type: "text", text: "" }],
  stop_reason: "end_turn",
  usage: { input_tokens: 3, output_tokens: 0 },
};

for (
  const [what, dialect, body, expected] of [
    ["a chat aborted", "completions", { choices: [{ finish_reason: "abort" }] }, true],
    ["one of two aborted", "completions", {
      choices: [{ finish_reason: "stop" }, { finish_reason: "abort" }],
    }, true],
    ["a chat at its end", "completions", { choices: [{ finish_reason: "stop" }] }, false],
    ["a chat that speaks of one", "completions", {
      choices: [{ finish_reason: "stop", message: { content: `"finish_reason":"abort"` } }],
    }, false],
    ["a chat without choices", "completions", { finish_reason: "abort" }, false],
    ["a response of nothing", "responses", { status: "completed", output: [] }, true],
    ["a response of no tokens", "responses", {
      status: "completed",
      output: [{}],
      usage: { output_tokens: 0 },
    }, true],
    ["a response", "responses", {
      status: "completed",
      output: [{}],
      usage: { output_tokens: 5 },
    }, false],
    ["a response that is at work in the background", "responses", {
      status: "queued",
      output: [],
    }, false],
    ["a message of nothing", "messages", WHOLE_MESSAGE, true],
    ["a message of no block", "messages", { ...WHOLE_MESSAGE, content: [] }, true],
    ["a message", "messages", {
      ...WHOLE_MESSAGE,
      content: [{ type: "text", text: "x" }],
      usage: { output_tokens: 1 },
    }, false],
    ["a message that begins a tool call", "messages", {
      ...WHOLE_MESSAGE,
      content: [{ type: "tool_use", input: {} }],
    }, false],
    ["an aborted chat of another endpoint", "other", {
      choices: [{ finish_reason: "abort" }],
    }, false],
  ] as const
) {
  Deno.test(`${what} is ${expected ? "" : "not "}aborted`, () => {
    for (const indent of [0, 1]) {
      const bytes = new TextEncoder().encode(JSON.stringify(body, undefined, indent));
      assert.equal(wasAborted(bytes, dialect), expected);
    }
  });
}

Deno.test("an answer that isn't JSON, or too long to be empty, doesn't count as aborted", () => {
  const encoder = new TextEncoder();
  assert.equal(wasAborted(encoder.encode(`"finish_reason": "abort"`), "completions"), false);
  assert.equal(wasAborted(new Uint8Array(), "completions"), false);
  const long = { id: "x".repeat(256 * 1024), choices: [{ finish_reason: "abort" }] };
  assert.equal(wasAborted(encoder.encode(JSON.stringify(long)), "completions"), false);
});

Deno.test("the captures are of every dialect", () => {
  assert.deepEqual(new Set(captured.map(({ dialect }) => dialect)).size, 3);
});
