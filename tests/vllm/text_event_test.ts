import assert from "node:assert/strict";
import { readTextEvent, type TextEndpoint } from "../../src/vllm/text_event.ts";

/** Events as vLLM 0.32 writes them. */
const event = (name: string, data: string) => `event: ${name}\ndata: ${data}\n\n`;
const kindOf = (endpoint: TextEndpoint, name: string, data: string) =>
  readTextEvent(event(name, data), endpoint).kind;

Deno.test("the text of a message's event is found where it stands, escaped quotes and all", () => {
  const text = String.raw`say \"text\":\"x\" \\`;
  const read = event(
    "content_block_delta",
    `{"type":"content_block_delta","delta":{"type":"text_delta","text":"${text}"},"index":0}`,
  );
  const found = readTextEvent(read, "messages");
  assert.equal(found.kind, "text");
  assert.equal(found.kind === "text" && read.slice(...found.at), text);
});

Deno.test("the text of a response's event is found before its other members", () => {
  const read = event(
    "response.output_text.delta",
    `{"content_index":0,"delta":" a","item_id":"m","logprobs":[],"output_index":0,"sequence_number":4}`,
  );
  const found = readTextEvent(read, "responses");
  assert.equal(found.kind === "text" && read.slice(...found.at), " a");
});

Deno.test("a message tells what opens, closes, finishes and aborts its text", () => {
  const of = (name: string, data: string) => kindOf("messages", name, data);
  assert.equal(of("message_start", `{"type":"message_start","message":{}}`), "opens");
  const text = `"content_block":{"type":"text","text":""},"index":0`;
  assert.equal(of("content_block_start", `{"type":"content_block_start",${text}}`), "opens");
  const tool = `"content_block":{"type":"tool_use","id":"a","name":"b","input":{}}`;
  assert.equal(of("content_block_start", `{${tool}}`), "calls_tool");
  const thinking = `"content_block":{"type":"thinking","thinking":""}`;
  assert.equal(of("content_block_start", `{${thinking}}`), "unknown");
  assert.equal(of("content_block_stop", `{"index":0}`), "closes");
  assert.equal(of("message_delta", `{"delta":{"stop_reason":"end_turn"}}`), "finishes");
  assert.equal(of("message_delta", `{"delta":{"stop_reason":null}}`), "aborts");
  assert.equal(of("message_stop", "{}"), "nothing");
  assert.equal(readTextEvent(": keep-alive\n\n", "messages").kind, "nothing");
  assert.equal(readTextEvent("data: {}\n\n", "messages").kind, "unknown");
});

Deno.test("a response tells what opens, closes and finishes its text", () => {
  const of = (name: string, data = "{}") => kindOf("responses", name, data);
  assert.equal(of("response.created"), "opens");
  assert.equal(of("response.in_progress"), "nothing");
  const message = `{"item":{"id":"m","content":[],"role":"assistant","type":"message"}}`;
  assert.equal(of("response.output_item.added", message), "opens");
  const call = `{"item":{"type":"function_call"}}`;
  assert.equal(of("response.output_item.added", call), "calls_tool");
  assert.equal(of("response.output_item.added", `{"item":{"type":"reasoning"}}`), "unknown");
  assert.equal(of("response.content_part.added", `{"part":{"type":"output_text"}}`), "opens");
  assert.equal(of("response.output_text.done"), "closes");
  assert.equal(of("response.output_item.done"), "closes");
  assert.equal(of("response.completed"), "finishes");
  assert.equal(of("response.reasoning_text.delta"), "unknown");
});
