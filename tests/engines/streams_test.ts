import assert from "node:assert/strict";
import { watchStream } from "../../src/proxy/sse/stream_watch.ts";
import { type Dialect, readEvent } from "../../src/vllm/stream_events.ts";
import { eventsIn } from "../support/events.ts";

// What other engines stream in normal operation is no broken stream. llama.cpp's streams are those
// of a real server (b11434), shortened; the others are as their engines' sources write them.

const DONE = "data: [DONE]\n\n";
const data = (event: unknown) => `data: ${JSON.stringify(event)}\n\n`;
const named = (name: string, event: unknown) => `event: ${name}\n${data(event)}`;
const chat = (delta: unknown, finish_reason: string | null = null, more = {}) =>
  data({
    id: "c",
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, finish_reason }],
    ...more,
  });
const completion = (text: string, finish_reason: string | null = null) =>
  data({ id: "c", object: "text_completion", choices: [{ index: 0, text, finish_reason }] });

const streams: readonly (readonly [what: string, dialect: Dialect, stream: string])[] = [
  [
    "llama.cpp's chat",
    "completions",
    chat({ role: "assistant", content: null }) + chat({ content: "cup" }) +
    chat({}, "length", { timings: { cache_n: 0, prompt_n: 29 } }) + DONE,
  ],
  ["llama.cpp's completion", "completions", completion("a") + completion("", "length") + DONE],
  [
    "llama.cpp's response, without [DONE]",
    "responses",
    named("response.created", { type: "response.created", response: { id: "r" } }) +
    named("response.in_progress", { type: "response.in_progress", response: { id: "r" } }) +
    named("response.output_item.added", { type: "response.output_item.added", item: {} }) +
    named("response.output_text.delta", { type: "response.output_text.delta", delta: "a" }) +
    named("response.output_item.done", { type: "response.output_item.done", item: {} }) +
    named("response.completed", {
      type: "response.completed",
      response: { status: "completed", output: [{ type: "message" }], usage: { output_tokens: 3 } },
    }),
  ],
  [
    "llama.cpp's message",
    "messages",
    named("message_start", { type: "message_start", message: { id: "m" } }) +
    named("content_block_start", { type: "content_block_start", index: 0 }) +
    named("content_block_delta", { type: "content_block_delta", delta: { text: "a" } }) +
    named("content_block_stop", { type: "content_block_stop", index: 0 }) +
    named("message_delta", {
      type: "message_delta",
      delta: { stop_reason: "max_tokens" },
      usage: { output_tokens: 3 },
    }) + named("message_stop", { type: "message_stop" }),
  ],
  [
    "SGLang's chat",
    "completions",
    chat({ role: "assistant", content: "" }) + chat({ content: "a" }) +
    chat({ content: null }, "stop", { usage: null }) +
    data({ id: "c", choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } }) + DONE,
  ],
  [
    "TGI's completion, whose events have an empty finish_reason",
    "completions",
    ": \n\n" + completion("a", "") + completion("b", "") + completion("", "length") + DONE,
  ],
  [
    "TGI's chat",
    "completions",
    chat({ role: "assistant", content: "a" }) + chat({ role: "assistant", content: "" }, "stop") +
    DONE,
  ],
  [
    "TensorRT-LLM's chat",
    "completions",
    chat({ role: "assistant" }) + chat({ content: "a" }) + chat({ content: "" }, "stop") + DONE,
  ],
  [
    "LMDeploy's completion",
    "completions",
    data({ id: "c", choices: [{ index: 0, text: "a" }] }) + completion("", "stop") + DONE,
  ],
  [
    "Ollama's chat",
    "completions",
    chat({ role: "assistant", content: "a" }) + chat({}, "stop") +
    data({ id: "c", choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } }) + DONE,
  ],
];

for (const [what, dialect, stream] of streams) {
  Deno.test(`${what} is a whole stream`, () => {
    const kinds = [...eventsIn(stream)].map((event) => readEvent(event, dialect));
    assert.ok(kinds.some(({ kind }) => kind === "token"));
    assert.deepEqual(
      kinds.filter(({ kind, finish }) => kind === "error" || finish === "abort"),
      [],
    );
    const watch = watchStream(dialect);
    for (let at = 0; at < stream.length; at += 7) {
      watch.see(new TextEncoder().encode(stream.slice(at, at + 7)));
    }
    assert.deepEqual([watch.state.kind, watch.isComplete], ["ended", true]);
  });
}

Deno.test("an empty finish_reason ends nothing: TGI's stream without another was cut off", () => {
  const watch = watchStream("completions");
  watch.see(new TextEncoder().encode(completion("a", "") + DONE));
  assert.equal(watch.state.kind, "aborted");
});
