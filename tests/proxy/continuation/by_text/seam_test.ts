import assert from "node:assert/strict";
import { BegunAnew } from "../../../../src/proxy/continuation/begun_anew.ts";
import { keepText } from "../../../../src/proxy/continuation/by_text/keep_text.ts";
import { createKeepBudget } from "../../../../src/proxy/continuation/keep_budget.ts";
import { KeptStream } from "../../../../src/proxy/continuation/kept_stream.ts";
import { lastEvents } from "../../../../src/proxy/continuation/last_events.ts";
import { createSeam } from "../../../../src/proxy/continuation/seam.ts";
import type { TextEndpoint } from "../../../../src/vllm/text_event.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytesOf = (events: readonly Json[]) =>
  encoder.encode(
    events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(""),
  );
const eventsOf = (bytes: Uint8Array): Json[] =>
  decoder.decode(bytes).split("\n\n").slice(0, -1).map((event) =>
    JSON.parse(event.slice(event.indexOf("data: ") + 6))
  );

/** A stream of which the client has had these events, in two tokens of three of the prompt. */
function cutAfter(endpoint: TextEndpoint, events: readonly Json[], request: Json = {}): KeptStream {
  const body = encoder.encode(JSON.stringify(request));
  const kept = new KeptStream(endpoint, false, body, createKeepBudget());
  keepText(kept, endpoint, bytesOf(events));
  kept.cut();
  if (kept.partLengths.length > 0) kept.setIds([1, 2, 3], kept.partLengths.map((_, i) => 10 + i));
  return kept;
}

const started = (input_tokens: number) => ({
  type: "message_start",
  message: { id: "a", model: "m", usage: { input_tokens, output_tokens: 0 } },
});
const open = (index: number, block: Json = { type: "text", text: "" }) => ({
  type: "content_block_start",
  index,
  content_block: block,
});
const text = (index: number, text: string) => ({
  type: "content_block_delta",
  delta: { type: "text_delta", text },
  index,
});
const stop = (index: number) => ({ type: "content_block_stop", index });
const end = (stop_reason: string | null, output_tokens: number, input_tokens = 5) => ({
  type: "message_delta",
  delta: { stop_reason, stop_sequence: null },
  usage: { input_tokens, output_tokens },
});
const message = [started(3), open(0), text(0, "a"), text(0, "b")];

Deno.test("a message goes on in its block, with the usage of the whole", () => {
  const seam = createSeam(cutAfter("messages", message));
  const rest = [started(5), open(0), text(0, "c"), stop(0), end("end_turn", 1)];
  assert.deepEqual(eventsOf(seam(bytesOf([...rest, { type: "message_stop" }]))), [
    text(0, "c"),
    stop(0),
    end("end_turn", 3, 3),
    { type: "message_stop" },
  ]);
});

Deno.test("a message whose text was over is closed before a tool call, and before its end", () => {
  const tool = { type: "tool_use", id: "t", name: "look", input: {} };
  const kept = cutAfter("messages", message);
  const events = eventsOf(createSeam(kept)(bytesOf([started(5), open(0, tool), stop(0)])));
  assert.deepEqual(events, [stop(0), open(1, tool)]);
  assert.ok(kept.hasToolCall, "what follows can't go on at a third server");
  const ended = createSeam(cutAfter("messages", message));
  assert.deepEqual(eventsOf(ended(bytesOf([started(5), end("end_turn", 1)]))), [
    stop(0),
    end("end_turn", 3, 3),
  ]);
});

Deno.test("a message is refused that began anew, or that thinks after its text", () => {
  const seam = createSeam(cutAfter("messages", message));
  assert.throws(() => seam(bytesOf([started(3)])), BegunAnew);
  const thinking = createSeam(cutAfter("messages", message));
  const block = open(0, { type: "thinking", thinking: "" });
  assert.throws(() => thinking(bytesOf([started(5), block])), BegunAnew);
});

Deno.test("cached tokens are taken from what the whole had, never below zero", () => {
  const seam = createSeam(cutAfter("messages", message));
  const cached = (usage: Json) => ({ ...end("end_turn", 1), usage });
  const start = { ...started(1) };
  Object.assign(start.message.usage, { cache_read_input_tokens: 4 });
  const events = eventsOf(seam(bytesOf([
    start,
    open(0),
    text(0, "c"),
    stop(0),
    cached({ input_tokens: 1, output_tokens: 1, cache_read_input_tokens: 4 }),
  ])));
  assert.deepEqual(events.at(-1).usage, {
    input_tokens: 0,
    output_tokens: 3,
    cache_read_input_tokens: 3,
  });
});

Deno.test("events that close a text are held back until its end is known", () => {
  const kept = cutAfter("messages", []);
  const pass = (events: Json[]) => eventsOf(keepText(kept, "messages", bytesOf(events)));
  assert.deepEqual(pass(message), message);
  assert.deepEqual(pass([stop(0)]), []);
  assert.deepEqual(pass([end("max_tokens", 2)]), [stop(0), end("max_tokens", 2)]);
});

Deno.test("what an aborting server says of an answer's end is not passed on", () => {
  const kept = cutAfter("messages", message);
  const events = [stop(0), end(null, 2), { type: "message_stop" }];
  assert.deepEqual(eventsOf(keepText(kept, "messages", bytesOf(events))), [{
    type: "message_stop",
  }]);
});

Deno.test("the last events of a message at its limit close it", () => {
  const events = eventsOf(lastEvents(cutAfter("messages", message)));
  assert.deepEqual(events, [stop(0), end("max_tokens", 2, 3), { type: "message_stop" }]);
});

const created = {
  type: "response.created",
  response: { id: "r", created_at: 1, model: "m", status: "in_progress", max_output_tokens: 9 },
};
const item = { id: "i", type: "message", role: "assistant", status: "in_progress", content: [] };
const added = { type: "response.output_item.added", output_index: 0, item };
const place = (item_id: string) => ({ item_id, output_index: 0, content_index: 0 });
const part = (id: string) => ({
  type: "response.content_part.added",
  ...place(id),
  part: { type: "output_text", text: "", annotations: [] },
});
const delta = (id: string, delta: string) => ({
  type: "response.output_text.delta",
  ...place(id),
  delta,
});
const response = [created, added, part("i"), delta("i", "a"), delta("i", "b")];
const usage = (input_tokens: number, output_tokens: number) => ({
  input_tokens,
  output_tokens,
  total_tokens: input_tokens + output_tokens,
});
const done = (status: string, output: Json[], counts: Json) => ({
  type: "response.completed",
  response: { id: "r2", created_at: 2, status, max_output_tokens: 7, output, usage: counts },
});
const call = { type: "function_call", id: "c", call_id: "c", name: "look", arguments: "{}" };

Deno.test("a response goes on as one message whose whole text is told at its end", () => {
  const kept = cutAfter("responses", response);
  const whole = { ...item, id: "x", status: "completed", content: [{ text: "c" }] };
  const events = eventsOf(
    createSeam(kept)(bytesOf([
      created,
      { type: "response.in_progress", response: {} },
      { ...added, item: { ...item, id: "x" } },
      part("x"),
      delta("x", "c"),
      { type: "response.output_text.done", ...place("x"), text: "c" },
      { type: "response.content_part.done", ...place("x"), part: { text: "c" } },
      { type: "response.output_item.done", output_index: 0, item: whole },
      done("completed", [whole], usage(5, 1)),
    ])),
  );
  assert.deepEqual(events.map(({ sequence_number: number }) => number), [5, 6, 7, 8, 9]);
  assert.deepEqual(events[0], { ...delta("i", "c"), sequence_number: 5 });
  assert.equal(events[1].text, "abc");
  assert.equal(events[2].part.text, "abc");
  assert.deepEqual([events[3].item.id, events[3].item.content[0].text], ["i", "abc"]);
  const { id, created_at: at, max_output_tokens: most, output, usage: counts } = events[4].response;
  assert.deepEqual([id, at, most, output[0].id, output[0].content[0].text], [
    "r",
    1,
    9,
    "i",
    "abc",
  ]);
  assert.deepEqual(counts, usage(3, 3));
});

Deno.test("a response whose text was over is closed before a tool call", () => {
  const kept = cutAfter("responses", response);
  const events = eventsOf(
    createSeam(kept)(bytesOf([
      created,
      { ...added, item: call },
      done("completed", [call], usage(5, 4)),
    ])),
  );
  assert.deepEqual(events.map(({ type }) => type), [
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.output_item.added",
    "response.completed",
  ]);
  assert.equal(events[3].output_index, 1);
  assert.deepEqual(events[4].response.output.map(({ id }: Json) => id), ["i", "c"]);
  assert.equal(events[4].response.output[0].content[0].text, "ab");
});

Deno.test("the last events of a response at its limit close it as incomplete", () => {
  const events = eventsOf(lastEvents(cutAfter("responses", response)));
  assert.equal(events[0].text, "ab");
  const { status, incomplete_details: why, usage: counts, output } = events.at(-1).response;
  assert.deepEqual([status, why], ["incomplete", { reason: "max_output_tokens" }]);
  assert.deepEqual([counts.input_tokens, counts.output_tokens], [3, 2]);
  assert.equal(output[0].content[0].text, "ab");
  assert.deepEqual(events.map(({ sequence_number: number }) => number), [5, 6, 7, 8]);
});
