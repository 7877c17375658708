import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { generateText, streamText } from "ai";
import assert from "node:assert/strict";
import OpenAI from "openai";
import { MODEL, startFleet } from "../support/fleet.ts";

// Each SDK sees the name that it asked for, and what is left of its key's limits.

const KEY = "secret-key-1";
const ALIAS = "claude-next";
const tables = {
  models: { aliases: { "claude-*": MODEL } },
  auth: { api_keys: [{ name: "team", key: KEY, tokens_per_minute: 10_000 }] },
};
const messages = [{ role: "user" as const, content: "Hello" }];
const request = { model: ALIAS, messages, max_tokens: 5 };

const start = () => startFleet({ servers: [{}, {}], settings: { policy: "round_robin" }, tables });

Deno.test("the openai SDK gets the alias as the model of each answer, and lists it", async () => {
  await using fleet = await start();
  const client = new OpenAI({ baseURL: `${fleet.router.url}/v1`, apiKey: KEY, maxRetries: 0 });
  const { chat, completions, responses, embeddings, models } = client;
  const response = { model: ALIAS, input: "Hello", max_output_tokens: 5 };
  const answers = [
    await chat.completions.create(request),
    await chat.completions.stream(request).finalChatCompletion(),
    await completions.create({ model: ALIAS, prompt: "Hello", max_tokens: 5 }),
    await responses.create(response),
    await responses.stream(response).finalResponse(),
    await embeddings.create({ model: ALIAS, input: "Hello" }),
  ];
  assert.deepEqual(answers.map(({ model }) => model), answers.map(() => ALIAS));
  const listed = (await models.list()).data.map(({ id }) => id);
  assert.ok(listed.includes(MODEL));
  assert.equal((await models.retrieve(ALIAS)).id, ALIAS);
});

Deno.test("the anthropic SDK gets the alias as the model of each message", async () => {
  await using fleet = await start();
  const { messages } = new Anthropic({ baseURL: fleet.router.url, apiKey: KEY, maxRetries: 0 });
  assert.equal((await messages.create(request)).model, ALIAS);
  assert.equal((await messages.stream(request).finalMessage()).model, ALIAS);
  const { input_tokens } = await messages.countTokens({ model: ALIAS, messages: request.messages });
  assert.ok(input_tokens > 0);
});

for (
  const [name, providerOf] of [
    [
      "openai-compatible",
      (baseURL: string) => createOpenAICompatible({ name: "vllm", baseURL, apiKey: KEY }),
    ],
    ["anthropic", (baseURL: string) => createAnthropic({ baseURL, apiKey: KEY })],
  ] as const
) {
  Deno.test(`the ai SDK's ${name} provider gets the alias as the model of each answer`, async () => {
    await using fleet = await start();
    const model = providerOf(`${fleet.router.url}/v1`)(ALIAS);
    const asked = { model, messages, maxOutputTokens: 5, maxRetries: 0 };
    assert.equal((await generateText(asked)).response.modelId, ALIAS);
    assert.equal((await streamText(asked).response).modelId, ALIAS);
  });
}

Deno.test("the openai SDK gets the limits of tokens of its key in OpenAI's headers", async () => {
  await using fleet = await start();
  const client = new OpenAI({ baseURL: `${fleet.router.url}/v1`, apiKey: KEY, maxRetries: 0 });
  const { response: { headers } } = await client.chat.completions.create(request)
    .withResponse();
  assert.equal(headers.get("x-ratelimit-limit-tokens"), "10000");
  assert.match(headers.get("x-ratelimit-reset-tokens")!, /^1m\ds$/);
  const left = Number(headers.get("x-ratelimit-remaining-tokens"));
  assert.ok(left > 9_900 && left < 10_000, `${left}`);
});

Deno.test("the anthropic SDK gets the limits of tokens of its key in Anthropic's headers", async () => {
  await using fleet = await start();
  const client = new Anthropic({ baseURL: fleet.router.url, apiKey: KEY, maxRetries: 0 });
  const { response: { headers } } = await client.messages.create(request).withResponse();
  assert.equal(headers.get("anthropic-ratelimit-tokens-limit"), "10000");
  assert.ok(Number(headers.get("anthropic-ratelimit-tokens-remaining")) < 10_000);
  assert.ok(Date.parse(headers.get("anthropic-ratelimit-tokens-reset")!) > 0);
});
