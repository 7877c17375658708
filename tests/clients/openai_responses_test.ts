import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { MODEL, startFleet, type TestFleet } from "../support/fleet.ts";

const clientOf = ({ router }: TestFleet) =>
  new OpenAI({ baseURL: `${router.url}/v1`, apiKey: "none", maxRetries: 0 });

const start = () => startFleet({ servers: [{}, {}], settings: { policy: "round_robin" } });

const weather = {
  type: "function" as const,
  name: "get_weather",
  strict: true,
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
};

Deno.test("the openai SDK reads a response, whole and streamed, as the same text", async () => {
  await using fleet = await start();
  const client = clientOf(fleet);
  const request = { model: MODEL, input: "Hello", max_output_tokens: 12 };
  const whole = await client.responses.create(request);
  assert.equal(whole.status, "incomplete");
  assert.equal(whole.usage!.output_tokens, 12);
  assert.ok(whole.output_text);
  let text = "";
  const stream = client.responses.stream(request);
  stream.on("response.output_text.delta", ({ delta }) => void (text += delta));
  const streamed = await stream.finalResponse();
  assert.equal(text, whole.output_text);
  assert.equal(streamed.output_text, whole.output_text);
  assert.equal(streamed.usage!.output_tokens, 12);
});

Deno.test("the openai SDK reads the tool calls of a response, and gives their results back", async () => {
  await using fleet = await start();
  const client = clientOf(fleet);
  const callOf = (
    { output }: { readonly output: readonly OpenAI.Responses.ResponseOutputItem[] },
  ) => {
    const call = output.find(({ type }) => type === "function_call");
    assert.equal(call?.type, "function_call");
    return call as OpenAI.Responses.ResponseFunctionToolCall;
  };
  const tools = [weather];
  const input = [{ role: "user" as const, content: "How is the weather?" }];
  const request = { model: MODEL, input, tools };
  const whole = callOf(await client.responses.create(request));
  assert.equal(whole.name, "get_weather");
  assert.deepEqual(JSON.parse(whole.arguments), { city: "city" });
  const streamed = callOf(await client.responses.stream(request).finalResponse());
  assert.deepEqual([streamed.name, streamed.arguments], [whole.name, whole.arguments]);
  for (
    const tool_choice of ["required" as const, { type: "function" as const, name: "get_weather" }]
  ) {
    callOf(await client.responses.create({ model: MODEL, input: "Hello", tools, tool_choice }));
  }
  const { output_text } = await client.responses.create({
    model: MODEL,
    tools,
    input: [
      ...input,
      whole,
      { type: "function_call_output", call_id: whole.call_id, output: "sunny" },
    ],
  });
  assert.ok(output_text);
});

Deno.test("the openai SDK parses a response by its schema, whole and streamed", async () => {
  await using fleet = await start();
  const City = z.object({ city: z.string(), size: z.number() });
  const text = { format: zodTextFormat(City, "city") };
  const request = { model: MODEL, input: "A city", text };
  const { output_parsed } = await clientOf(fleet).responses.parse(request);
  assert.equal(typeof output_parsed!.size, "number");
  const streamed = await clientOf(fleet).responses.stream(request).finalResponse();
  assert.deepEqual(streamed.output_parsed, output_parsed);
});

Deno.test("the openai SDK reads a response again, goes on with it, and cancels one in the background", async () => {
  await using fleet = await start();
  const { responses } = clientOf(fleet);
  const endless = { max_output_tokens: 100_000, ignore_eos: true };
  for (let i = 0; i < 2; i++) {
    const first = await responses.create({
      model: MODEL,
      input: "My name is Ada",
      max_output_tokens: 8,
    });
    const again = await responses.retrieve(first.id);
    assert.equal(again.output_text, first.output_text);
    const next = await responses.create({
      model: MODEL,
      input: "Who am I?",
      previous_response_id: first.id,
      max_output_tokens: 8,
    });
    assert.ok(next.usage!.input_tokens > first.usage!.input_tokens + 8);
    const long = await responses.create({
      model: MODEL,
      input: "Hello",
      background: true,
      ...endless,
    });
    assert.equal((await responses.cancel(long.id)).status, "cancelled");
  }
});
