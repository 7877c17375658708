import assert from "node:assert/strict";
import type { Simulator } from "../../../src/simulator/simulator.ts";
import { events, post, start, test, until } from "../helpers.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

const PATH = "/v1/responses";
const tools = [{
  type: "function",
  name: "get_weather",
  parameters: { type: "object", properties: { city: { type: "string" } } },
}];

const create = async (simulator: Simulator, body: Json): Promise<Json> =>
  await (await post(simulator, PATH, body)).json();
const get = async (simulator: Simulator, path: string, method = "GET"): Promise<[number, Json]> => {
  const response = await fetch(`${simulator.url}${PATH}/${path}`, { method });
  return [response.status, await response.json()];
};
const streamed = async (response: Response | Promise<Response>): Promise<Json[]> =>
  events(await (await response).text());

test("a response is kept and read again, and continued by its id", async () => {
  await using simulator = await start();
  const first = await create(simulator, { input: "Hello", instructions: "Be kind" });
  assert.equal(first.status, "completed");
  assert.deepEqual(await get(simulator, first.id), [200, first]);
  const next = await create(simulator, { input: "Go on", previous_response_id: first.id });
  assert.equal(next.previous_response_id, first.id);
  const [, message] = [first, first.output[0]];
  const input = [{ role: "user", content: "Hello" }, message, { role: "user", content: "Go on" }];
  const whole = await create(simulator, { input });
  assert.equal(whole.usage.input_tokens, next.usage.input_tokens);
  assert.equal(whole.output[0].content[0].text, next.output[0].content[0].text);
  const [status, { error }] = await get(simulator, `${first.id}/cancel`, "POST");
  assert.equal(status, 400);
  assert.equal(error.message, "Cannot cancel a synchronous response.");
  const [code, unknown] = await get(simulator, `${first.id}?stream=true`);
  assert.equal(code, 400);
  assert.match(unknown.error.message, /^Unknown response_id: /);
});

test("store: false, or a server without a store, keeps nothing", async () => {
  await using keeping = await start();
  const { id } = await create(keeping, { input: "Hello", store: false });
  const [status, { error }] = await get(keeping, id);
  assert.equal(status, 404);
  assert.deepEqual(error, {
    message: `Response with id '${id}' not found.`,
    type: "invalid_request_error",
    param: "response_id",
    code: 404,
  });
  await using forgetting = await start({ responsesStore: false });
  const { id: gone } = await create(forgetting, { input: "Hello" });
  assert.equal((await get(forgetting, gone))[0], 404);
  const refused = await create(forgetting, { input: "Hello", background: true });
  assert.match(refused.error.message, /VLLM_ENABLE_RESPONSES_API_STORE=1/);
  assert.equal(refused.error.param, "background");
  const both = await create(keeping, { input: "Hello", background: true, store: false });
  assert.match(both.error.message, /^background can only be used when `store` is true/);
});

test("a background response is queued, then completed", async () => {
  await using simulator = await start();
  const queued = await create(simulator, { input: "Hello", background: true });
  assert.equal(queued.status, "queued");
  assert.deepEqual(queued.output, []);
  await until(async () => (await get(simulator, queued.id))[1].status === "completed");
  const [, done] = await get(simulator, queued.id);
  const { output } = await create(simulator, { input: "Hello" });
  assert.equal(done.output[0].content[0].text, output[0].content[0].text);
  assert.equal(simulator.state().finished, 2);
});

test("a background stream goes on when its client leaves, and is read from any event on", async () => {
  await using simulator = await start({ speed: 5 });
  const body = { input: "Hello", max_output_tokens: 60, ignore_eos: true };
  const leaving = new AbortController();
  const request = { ...body, background: true, stream: true };
  const response = await post(simulator, PATH, request, { signal: leaving.signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let begin = "";
  while (!begin.includes("output_text.delta")) begin += (await reader.read()).value;
  leaving.abort();
  const { id } = events(begin.slice(0, begin.indexOf("\n\n") + 2))[0].response;
  const later = fetch(`${simulator.url}${PATH}/${id}?stream=true&starting_after=3`);
  const all = fetch(`${simulator.url}${PATH}/${id}?stream=true`);
  const [rest, whole] = [await streamed(later), await streamed(all)];
  assert.deepEqual(whole.map(({ sequence_number: number }) => number), [...whole.keys()]);
  assert.deepEqual(rest, whole.slice(4));
  assert.equal(whole.at(-1).type, "response.completed");
  assert.deepEqual(await streamed(fetch(`${simulator.url}${PATH}/${id}?stream=true`)), whole);
  assert.deepEqual((await get(simulator, id))[1], whole.at(-1).response);
  const text = whole.map(({ type, delta }) => type.endsWith("text.delta") ? delta : "").join("");
  const { output } = await create(simulator, body);
  assert.equal(text, output[0].content[0].text);
});

test("a background response is cancelled, which ends its readers and its sequence", async () => {
  await using simulator = await start();
  const body = { input: "Hello", max_output_tokens: 9000, ignore_eos: true };
  const { id } = await create(simulator, { ...body, background: true });
  const cancelled = await get(simulator, `${id}/cancel`, "POST");
  assert.equal(cancelled[0], 200);
  assert.equal(cancelled[1].status, "cancelled");
  assert.equal((await get(simulator, id))[1].status, "cancelled");
  assert.equal(simulator.state().aborted, 1);
  assert.equal(simulator.state().running + simulator.state().waiting, 0);
  const again = await get(simulator, `${id}/cancel`, "POST");
  assert.equal(again[0], 400);
});

test("a background response that a fault ends is failed", async () => {
  await using simulator = await start({ fault: { kind: "reset_mid_stream", times: 1 } });
  const { id } = await create(simulator, { input: "Hello", background: true });
  await until(async () => (await get(simulator, id))[1].status === "failed");
});

test("a response calls a tool, streamed as whole, and its output is answered in text", async () => {
  await using simulator = await start();
  const body = { input: "The weather in Oslo?", tools };
  const whole = await create(simulator, body);
  const [call] = whole.output;
  assert.equal(call.type, "function_call");
  assert.equal(call.name, "get_weather");
  assert.deepEqual(JSON.parse(call.arguments), { city: "city" });
  const all = await streamed(post(simulator, PATH, { ...body, stream: true }));
  assert.deepEqual(all.map(({ type }) => type).filter((type) => !type.endsWith(".delta")), [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.function_call_arguments.done",
    "response.output_item.done",
    "response.completed",
  ]);
  const json = all.map(({ delta }) => delta ?? "").join("");
  assert.equal(json, call.arguments);
  assert.equal(all.at(-1).response.output[0].arguments, call.arguments);
  const output = { type: "function_call_output", call_id: call.call_id, output: "weather: fine" };
  const next = await create(simulator, { input: [output], tools, previous_response_id: whole.id });
  assert.deepEqual(next.output.map(({ type }: Json) => type), ["message"]);
});

test("tool_choice and text.format are obeyed, and mistakes get vLLM's words", async () => {
  await using simulator = await start();
  const ask = (more: Json) => create(simulator, { input: "Hello", ...more });
  assert.equal((await ask({ tools, tool_choice: "required" })).output[0].type, "function_call");
  const named = { type: "function", name: "get_weather" };
  assert.equal((await ask({ tools, tool_choice: named })).output[0].type, "function_call");
  assert.equal((await ask({ tools })).output[0].type, "message");
  const format = {
    type: "json_schema",
    name: "x",
    schema: { type: "object", properties: { n: { type: "integer" } } },
  };
  const { output } = await ask({ text: { format } });
  assert.deepEqual(JSON.parse(output[0].content[0].text), { n: 1 });
  const cases: [Json, string][] = [
    [
      { tool_choice: "required" },
      "Tool choice 'required' must be specified with 'tools' parameter.",
    ],
    [{ tool_choice: named }, "Tool choice 'function' not found in 'tools' parameter."],
    [{ previous_response_id: "resp_123" }, "Response with id 'resp_123' not found."],
  ];
  for (const [more, message] of cases) {
    assert.ok((await ask(more)).error.message.startsWith(message));
  }
});

test("a response that is cut off is incomplete, in an event response.completed as vLLM's", async () => {
  await using simulator = await start();
  const body = { input: "Hello", max_output_tokens: 3, stream: true };
  const { type, response } = (await streamed(post(simulator, PATH, body))).at(-1);
  assert.equal(type, "response.completed");
  assert.equal(response.status, "incomplete");
  assert.deepEqual(response.incomplete_details, { reason: "max_output_tokens" });
});

test("with a reasoning parser, a response begins with a reasoning item", async () => {
  await using simulator = await start({ reasoning: true });
  const { output } = await create(simulator, { input: "Hello" });
  assert.deepEqual(output.map(({ type }: Json) => type), ["reasoning", "message"]);
  const all = await streamed(post(simulator, PATH, { input: "Hello", stream: true }));
  const text = all.map(({ type, delta }) => type.endsWith("reasoning_text.delta") ? delta : "");
  assert.equal(text.join(""), output[0].content[0].text);
});
