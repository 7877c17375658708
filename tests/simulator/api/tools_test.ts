import assert from "node:assert/strict";
import type { Simulator } from "../../../src/simulator/simulator.ts";
import { chat, events, postChat, start, test } from "../helpers.ts";

const weather = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: {
      type: "object",
      properties: {
        location: { type: "string" },
        unit: { type: "string", enum: ["celsius", "fahrenheit"] },
        days: { type: "integer", minimum: 2, maximum: 7 },
      },
      required: ["location"],
    },
  },
};
const time = { type: "function", function: { name: "clockTime", parameters: {} } };
const tools = [weather, time];
const WEATHER = { location: "location", unit: "celsius", days: 2 };

// deno-lint-ignore no-explicit-any
type Json = any;

/** The message of a request's whole answer and of its stream, which must be the same. */
async function answer(simulator: Simulator, body: Json): Promise<Json> {
  const whole = await (await postChat(simulator, body)).json();
  const [choice] = whole.choices;
  const streamed: Json = { content: "", calls: [] };
  let finish: string | null = null;
  const response = await postChat(simulator, { ...body, stream: true });
  for (const event of events(await response.text())) {
    if (event === "[DONE]") continue;
    const [{ delta, finish_reason }] = event.choices;
    streamed.content += delta.content ?? "";
    for (const { index, id, type, function: named } of delta.tool_calls ?? []) {
      streamed.calls[index] ??= { id, type, function: { name: named.name, arguments: "" } };
      streamed.calls[index].function.arguments += named.arguments;
    }
    assert.equal(finish, null, "nothing follows the finish reason");
    finish = finish_reason;
  }
  assert.equal(finish, choice.finish_reason);
  assert.equal(streamed.content, choice.message.content ?? "");
  const withoutIds = (calls: Json[] = []) => calls.map(({ id: _, ...rest }) => rest);
  assert.deepEqual(withoutIds(streamed.calls), withoutIds(choice.message.tool_calls));
  for (const { id } of streamed.calls) assert.match(id, /^chatcmpl-tool-./);
  return choice;
}

const callsOf = (choice: Json) =>
  (choice.message.tool_calls ?? []).map((
    { type, function: called }: Json,
  ) => [type, called.name, JSON.parse(called.arguments)]);

test("with auto, words of a tool's name call it with arguments that its schema allows", async () => {
  await using simulator = await start();
  const choice = await answer(simulator, chat("How is the weather in Oslo?", { tools }));
  assert.equal(choice.finish_reason, "tool_calls");
  assert.equal(choice.message.content, null);
  assert.deepEqual(callsOf(choice), [["function", "get_weather", WEATHER]]);
});

test("two tools that are meant are called at once, unless parallel_tool_calls is false", async () => {
  await using simulator = await start();
  const body = chat("The weather and the time on my clock, please", { tools });
  assert.deepEqual(callsOf(await answer(simulator, body)), [
    ["function", "get_weather", WEATHER],
    ["function", "clockTime", {}],
  ]);
  const one = await answer(simulator, { ...body, parallel_tool_calls: false });
  assert.equal(one.message.tool_calls.length, 1);
});

test("with auto, a message that asks for a tool calls the first, and any other gets text", async () => {
  await using simulator = await start();
  const asked = await answer(simulator, chat("Please call a tool", { tools }));
  assert.equal(asked.message.tool_calls[0].function.name, "get_weather");
  for (const more of [{ tools }, { tools, tool_choice: "none" }]) {
    const text = await answer(simulator, chat("Tell me a story", more));
    assert.equal(text.finish_reason, "stop");
    assert.equal("tool_calls" in text.message, false);
    assert.ok(text.message.content.length > 0);
  }
});

test("required calls a tool, and a named one ends with stop as in vLLM", async () => {
  await using simulator = await start();
  const required = await answer(simulator, chat("Hello", { tools, tool_choice: "required" }));
  assert.equal(required.finish_reason, "tool_calls");
  assert.equal(required.message.content, "");
  const tool_choice = { type: "function", function: { name: "clockTime" } };
  const named = await answer(simulator, chat("Hello", { tools, tool_choice }));
  assert.equal(named.finish_reason, "stop");
  assert.deepEqual(callsOf(named), [["function", "clockTime", {}]]);
});

test("a tool's result is answered in text", async () => {
  await using simulator = await start();
  const { message } = await answer(simulator, chat("The weather?", { tools }));
  const messages = [
    { role: "user", content: "The weather?" },
    message,
    { role: "tool", tool_call_id: message.tool_calls[0].id, content: "The weather is fine" },
  ];
  const next = await answer(simulator, { messages, tools });
  assert.equal(next.finish_reason, "stop");
  assert.ok(next.message.content.length > 0);
});

test("a call that max_tokens cuts off ends with length", async () => {
  await using simulator = await start();
  const response = await postChat(
    simulator,
    chat("Weather", { tools, max_tokens: 3, stream: true }),
  );
  const all = events(await response.text());
  assert.equal(all.at(-2).choices[0].finish_reason, "length");
});

test("with a reasoning parser, a call follows the reasoning", async () => {
  await using simulator = await start({ reasoning: true });
  const { message, finish_reason } = await answer(simulator, chat("Weather?", { tools }));
  assert.equal(finish_reason, "tool_calls");
  assert.ok(message.reasoning.length > 0);
  assert.equal(message.tool_calls.length, 1);
});

test("a tool_choice that names no tool gets vLLM's error", async () => {
  await using simulator = await start();
  const cases: [Json, string][] = [
    [{ tool_choice: "auto" }, "When using `tool_choice`, `tools` must be set."],
    [
      { tools: [] },
      "`tools` must not be an empty array. Either provide at least one tool or omit the field entirely.",
    ],
    [
      { tools, tool_choice: "some" },
      'Invalid value for `tool_choice`: some! Only named tools, "none", "auto" or "required" are supported.',
    ],
    [
      { tools, tool_choice: { type: "function", function: { name: "x" } } },
      "The tool specified in `tool_choice` does not match any of the specified `tools`",
    ],
    [
      { tools, tool_choice: { type: "function" } },
      'Invalid value for `function`: `None` in `tool_choice`! Correct usage: `{"type": "function", "function": {"name": "my_function"}}`',
    ],
  ];
  for (const [more, message] of cases) {
    const response = await postChat(simulator, chat("x", more));
    assert.equal(response.status, 400);
    const { error } = await response.json();
    assert.equal(error.message, `${message} (parameter=${error.param})`);
  }
});
