import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import assert from "node:assert/strict";
import { z } from "zod";
import { MODEL, startFleet, type TestFleet } from "../support/fleet.ts";

const clientOf = ({ router }: TestFleet) =>
  new Anthropic({ baseURL: router.url, apiKey: "none", maxRetries: 0 });

const start = () => startFleet({ servers: [{}, {}], settings: { policy: "round_robin" } });

const tools: Anthropic.Tool[] = [
  {
    name: "get_weather",
    input_schema: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    },
  },
  { name: "clock", input_schema: { type: "object", properties: {} } },
];
const say = (content: string) => [{ role: "user" as const, content }];

/** Asks for a use of tools, whole and streamed, which must be the same. */
async function usesOf(client: Anthropic, content: string, choice: Anthropic.ToolChoice) {
  const messages = say(content);
  const request = { model: MODEL, messages, tools, tool_choice: choice, max_tokens: 200 };
  const whole = await client.messages.create(request);
  const streamed = await client.messages.stream(request).finalMessage();
  const [uses, same] = [whole, streamed].map(({ content }) =>
    content.flatMap((block) => block.type === "tool_use" ? [[block.name, block.input]] : [])
  );
  assert.deepEqual(same, uses);
  assert.equal(streamed.stop_reason, whole.stop_reason);
  return { uses, reason: whole.stop_reason };
}

Deno.test("the anthropic SDK reads the tool uses of auto, any and a named tool, whole and streamed", async () => {
  await using fleet = await start();
  const client = clientOf(fleet);
  const auto = await usesOf(client, "How is the weather?", { type: "auto" });
  assert.deepEqual(auto, { uses: [["get_weather", { city: "city" }]], reason: "tool_use" });
  const none = await usesOf(client, "Hello", { type: "none" });
  assert.deepEqual(none.uses, []);
  const any = await usesOf(client, "Hello", { type: "any" });
  assert.deepEqual(any.uses, [["get_weather", { city: "city" }]]);
  const named = await usesOf(client, "Hello", { type: "tool", name: "clock" });
  assert.deepEqual(named.uses, [["clock", {}]]);
});

Deno.test("the anthropic SDK gives a tool's result back and gets text", async () => {
  await using fleet = await start();
  const client = clientOf(fleet);
  const messages = say("How is the weather?");
  const { content } = await client.messages.create({
    model: MODEL,
    messages,
    tools,
    max_tokens: 200,
  });
  const use = content.find((block) => block.type === "tool_use")!;
  const answer = await client.messages.create({
    model: MODEL,
    tools,
    max_tokens: 2000,
    messages: [
      ...messages,
      { role: "assistant", content },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: use.id, content: "sunny" }],
      },
    ],
  });
  assert.equal(answer.content[0]!.type, "text");
  assert.equal(answer.stop_reason, "end_turn");
});

Deno.test("the anthropic SDK parses a message by its schema, whole and streamed", async () => {
  await using fleet = await start();
  const City = z.object({ city: z.string(), size: z.number() });
  const request = {
    model: MODEL,
    messages: say("A city"),
    max_tokens: 200,
    output_config: { format: zodOutputFormat(City) },
  };
  const { parsed_output } = await clientOf(fleet).messages.parse(request);
  assert.equal(typeof parsed_output!.size, "number");
  const streamed = await clientOf(fleet).messages.stream(request).finalMessage();
  assert.deepEqual(streamed.parsed_output, parsed_output);
});

Deno.test("the anthropic SDK gets a message up to its stop sequence, whole and streamed", async () => {
  await using fleet = await start();
  const client = clientOf(fleet);
  const request = { model: MODEL, messages: say("Hello"), max_tokens: 20 };
  const textOf = ({ content: [block] }: Anthropic.Message) => {
    assert.equal(block?.type, "text");
    return (block as Anthropic.TextBlock).text;
  };
  const uncut = textOf(await client.messages.create(request));
  const stop = uncut.split(" ")[5]!;
  const stopping = { ...request, stop_sequences: [stop] };
  const whole = await client.messages.create(stopping);
  const streamed = await client.messages.stream(stopping).finalMessage();
  for (const message of [whole, streamed]) {
    assert.equal(textOf(message), uncut.slice(0, uncut.indexOf(stop)));
    assert.deepEqual([message.stop_reason, message.stop_sequence], ["stop_sequence", stop]);
  }
});
