import assert from "node:assert/strict";
import type { Simulator } from "../../../src/simulator/simulator.ts";
import { chat, events, post, start, test } from "../helpers.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

const tools = [
  {
    name: "get_weather",
    input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
  { name: "roll_dice", input_schema: { type: "object" } },
];

/** The whole answer; its stream must tell the same. */
async function answer(simulator: Simulator, body: Json): Promise<Json> {
  const request = { max_tokens: 200, ...body };
  const whole = await (await post(simulator, "/v1/messages", request)).json();
  const streamed = await post(simulator, "/v1/messages", { ...request, stream: true });
  const content: Json[] = [];
  const json: string[] = [];
  let open: number | undefined;
  let stop: Json;
  for (const event of events(await streamed.text())) {
    if (event.type === "content_block_start") {
      assert.equal(open, undefined);
      assert.equal(event.index, content.length);
      open = event.index;
      content.push(event.content_block);
    }
    if (event.type === "content_block_stop") {
      assert.equal(event.index, open);
      open = undefined;
    }
    if (event.type === "content_block_delta") {
      assert.equal(event.index, open);
      const { type, ...delta } = event.delta;
      for (const [name, text] of Object.entries(delta)) {
        if (type === "input_json_delta") json[open!] = (json[open!] ?? "") + text;
        else content[open!][name] = (content[open!][name] ?? "") + text;
      }
    }
    if (event.type === "message_delta") stop = event.delta;
  }
  json.forEach((text, index) => content[index].input = JSON.parse(text));
  const plain = (blocks: Json[]) =>
    blocks.map(({ id: _id, signature: _signature, ...block }) => block);
  assert.deepEqual(plain(content), plain(whole.content));
  assert.equal(stop.stop_reason, whole.stop_reason);
  assert.equal(stop.stop_sequence, whole.stop_sequence);
  return whole;
}

test("a tool that the message means is used, and its result is answered in text", async () => {
  await using simulator = await start();
  const question = chat("What is the weather in Oslo?", { tools });
  const used = await answer(simulator, question);
  assert.equal(used.stop_reason, "tool_use");
  const [block] = used.content;
  assert.deepEqual({ ...block, id: "" }, {
    type: "tool_use",
    id: "",
    name: "get_weather",
    input: { city: "city" },
  });
  const result = { type: "tool_result", tool_use_id: block.id, content: "The weather is fine" };
  const messages = [
    ...question.messages,
    { role: "assistant", content: used.content },
    { role: "user", content: [result] },
  ];
  const next = await answer(simulator, { messages, tools });
  assert.equal(next.stop_reason, "end_turn");
  assert.deepEqual(next.content.map(({ type }: Json) => type), ["text"]);
});

test("tool_choice any, tool and none are obeyed", async () => {
  await using simulator = await start();
  const ask = (tool_choice: Json) => answer(simulator, chat("Hello", { tools, tool_choice }));
  assert.equal((await ask({ type: "any" })).content[0].name, "get_weather");
  const named = await ask({ type: "tool", name: "roll_dice" });
  assert.equal(named.stop_reason, "tool_use");
  assert.deepEqual(named.content[0].input, {});
  const none = await ask({ type: "none" });
  assert.equal(none.content[0].type, "text");
});

test("disable_parallel_tool_use leaves one of two calls", async () => {
  await using simulator = await start();
  const body = chat("The weather, and a dice", { tools });
  assert.equal((await answer(simulator, body)).content.length, 2);
  const tool_choice = { type: "auto", disable_parallel_tool_use: true };
  assert.equal((await answer(simulator, { ...body, tool_choice })).content.length, 1);
});

test("stop_sequences end an answer, and output_config gets JSON", async () => {
  await using simulator = await start();
  const whole = await answer(simulator, chat("Hello"));
  const stop = whole.content[0].text.slice(10, 14);
  const stopped = await answer(simulator, chat("Hello", { stop_sequences: [stop] }));
  assert.equal(stopped.stop_reason, "stop_sequence");
  assert.equal(stopped.stop_sequence, stop);
  const schema = { type: "object", properties: { ok: { type: "boolean" } } };
  const format = { type: "json_schema", schema };
  const json = await answer(simulator, chat("Hello", { output_config: { format } }));
  assert.deepEqual(JSON.parse(json.content[0].text), { ok: true });
});

test("reasoning is a thinking block with a signature", async () => {
  await using simulator = await start({ reasoning: true });
  const { content } = await answer(
    simulator,
    chat("Hello", { tools, tool_choice: { type: "any" } }),
  );
  assert.deepEqual(content.map(({ type }: Json) => type), ["thinking", "tool_use"]);
  assert.ok(content[0].thinking.length > 0 && content[0].signature.length > 0);
});
