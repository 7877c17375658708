import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { MODEL, startFleet, type TestFleet } from "../support/fleet.ts";

const clientOf = ({ router }: TestFleet) =>
  new OpenAI({ baseURL: `${router.url}/v1`, apiKey: "none", maxRetries: 0 });

const start = () => startFleet({ servers: [{}, {}], settings: { policy: "round_robin" } });

const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};
const weather = { name: "get_weather", parameters };
const clock = { name: "clock", parameters: { type: "object", properties: {} } };
const tools = [weather, clock].map((named) => ({ type: "function" as const, function: named }));
const say = (content: string) => [{ role: "user" as const, content }];
const ARGUMENTS = { city: "city" };

/** Asks for a call, whole and streamed, which must be the same. Returns the calls. */
async function callsOf(
  client: OpenAI,
  content: string,
  choice: OpenAI.Chat.ChatCompletionToolChoiceOption,
) {
  const request = { model: MODEL, messages: say(content), tools, tool_choice: choice };
  const whole = await client.chat.completions.create(request);
  const streamed = await client.chat.completions.stream(request).finalChatCompletion();
  const [calls, same] = [whole, streamed].map(({ choices }) =>
    choices[0]!.message.tool_calls?.map((call) => {
      assert.equal(call.type, "function");
      assert.ok(call.id);
      return call.type === "function" && [call.function.name, JSON.parse(call.function.arguments)];
    }) ?? []
  );
  assert.deepEqual(same, calls);
  assert.equal(streamed.choices[0]!.finish_reason, whole.choices[0]!.finish_reason);
  return { calls, finish: whole.choices[0]!.finish_reason };
}

Deno.test("the openai SDK reads the tool calls of auto, required and a named tool, whole and streamed", async () => {
  await using fleet = await start();
  const client = clientOf(fleet);
  const auto = await callsOf(client, "How is the weather?", "auto");
  assert.deepEqual(auto, { calls: [["get_weather", ARGUMENTS]], finish: "tool_calls" });
  const none = await callsOf(client, "Hello", "auto");
  assert.deepEqual(none, { calls: [], finish: "stop" });
  const required = await callsOf(client, "Hello", "required");
  assert.deepEqual(required.calls, [["get_weather", ARGUMENTS]]);
  const named = await callsOf(client, "Hello", { type: "function", function: { name: "clock" } });
  assert.deepEqual(named.calls, [["clock", {}]]);
});

Deno.test("the openai SDK's runTools calls a tool and gives its result back", async () => {
  await using fleet = await start();
  const asked: unknown[] = [];
  const runner = clientOf(fleet).chat.completions.runTools({
    model: MODEL,
    messages: say("How is the weather?"),
    tools: [{
      type: "function",
      function: {
        ...weather,
        description: "Tells the weather",
        parse: JSON.parse,
        function: (given: unknown) => (asked.push(given), "sunny"),
      },
    }],
  });
  const text = await runner.finalContent();
  assert.deepEqual(asked, [ARGUMENTS]);
  assert.ok(text);
});

Deno.test("the openai SDK parses an answer by its schema, whole and streamed", async () => {
  await using fleet = await start();
  const City = z.object({ city: z.string(), size: z.number(), tags: z.array(z.string()) });
  const request = {
    model: MODEL,
    messages: say("A city"),
    response_format: zodResponseFormat(City, "city"),
  };
  const { choices: [choice] } = await clientOf(fleet).chat.completions.parse(request);
  assert.equal(typeof choice!.message.parsed!.size, "number");
  const stream = clientOf(fleet).chat.completions.stream(request);
  const { choices: [streamed] } = await stream.finalChatCompletion();
  assert.deepEqual(streamed!.message.parsed, choice!.message.parsed);
});

Deno.test("the openai SDK gets logprobs of each token, whole and streamed", async () => {
  await using fleet = await start();
  const client = clientOf(fleet);
  const request = { model: MODEL, messages: say("Hello"), max_tokens: 8, logprobs: true };
  const whole = await client.chat.completions.create({ ...request, top_logprobs: 2 });
  const content = whole.choices[0]!.logprobs!.content!;
  assert.equal(content.length, 8);
  assert.ok(
    content.every(({ logprob, top_logprobs }) => logprob <= 0 && top_logprobs.length === 2),
  );
  const streamed = [];
  const asStream = { ...request, top_logprobs: 2, stream: true as const };
  for await (const { choices } of await client.chat.completions.create(asStream)) {
    streamed.push(...choices[0]?.logprobs?.content ?? []);
  }
  assert.deepEqual(streamed, content);
  const { choices: [echoed] } = await client.completions.create({
    model: MODEL,
    prompt: "Once upon a time",
    max_tokens: 2,
    echo: true,
    logprobs: 1,
  });
  assert.ok(echoed!.text.startsWith("Once upon a time"));
  assert.equal(echoed!.logprobs!.tokens!.join(""), echoed!.text);
});

Deno.test("the openai SDK gets n choices, whole and streamed", async () => {
  await using fleet = await start();
  const client = clientOf(fleet);
  const request = { model: MODEL, messages: say("Hello"), max_tokens: 8, n: 3 };
  const { choices } = await client.chat.completions.create(request);
  const texts = choices.map(({ message }) => message.content);
  assert.equal(new Set(texts).size, 3);
  const streamed = ["", "", ""];
  for await (const part of await client.chat.completions.create({ ...request, stream: true })) {
    for (const { index, delta } of part.choices) streamed[index] += delta.content ?? "";
  }
  assert.deepEqual(streamed, texts);
});

Deno.test("the openai SDK gets an answer up to its stop text, whole and streamed", async () => {
  await using fleet = await start();
  const client = clientOf(fleet);
  const request = { model: MODEL, messages: say("Hello"), max_tokens: 20 };
  const uncut = (await client.chat.completions.create(request)).choices[0]!.message.content!;
  const stop = uncut.split(" ")[5]!;
  const expected = uncut.slice(0, uncut.indexOf(stop));
  const whole = await client.chat.completions.create({ ...request, stop });
  assert.equal(whole.choices[0]!.finish_reason, "stop");
  assert.equal(whole.choices[0]!.message.content, expected);
  const stream = client.chat.completions.stream({ ...request, stop });
  assert.equal(await stream.finalContent(), expected);
});
