import assert from "node:assert/strict";
import OpenAI from "openai";
import { INFERENCE_ENDPOINTS } from "../../../src/simulator/api/routes.ts";
import { chat, events, post, start, test } from "../helpers.ts";

const BODIES: Record<string, unknown> = {
  "/v1/chat/completions": chat("Hello"),
  "/v1/chat/completions/batch": {
    messages: [chat("One").messages, chat("Two").messages],
  },
  "/v1/completions": { prompt: ["One", "Two"] },
  "/v1/responses": { input: "Hello" },
  "/v1/messages": chat("Hello", { max_tokens: 5, system: "Be brief" }),
  "/v1/messages/count_tokens": chat("Hello"),
  "/v1/chat/completions/render": chat("Hello"),
  "/v1/completions/render": { prompt: "Hello" },
  "/v1/messages/render": chat("Hello", { max_tokens: 5 }),
  "/inference/v1/generate": {
    token_ids: [1, 2, 3],
    sampling_params: { max_tokens: 3 },
  },
  "/cohere/v2/chat": chat("Hello"),
  "/v1/embeddings": { input: "Hello" },
  "/v2/embed": { texts: ["Hello"] },
  "/pooling": { input: "Hello" },
  "/classify": { input: ["Hello"] },
  "/score": { text_1: "One", text_2: ["Two", "Three"] },
  "/v1/score": { queries: "One", documents: "Two" },
  "/rerank": { query: "One", documents: ["Two", "Three"] },
  "/v1/rerank": { query: "One", documents: ["Two", { text: "Three" }] },
  "/v2/rerank": { query: "One", documents: ["Two", "Three"], top_n: 1 },
  "/tokenize": { prompt: "Hello" },
  "/detokenize": { tokens: [72, 1111] },
};

test("every endpoint answers, and rejects an unknown model", async () => {
  await using simulator = await start();
  for (const path of Object.keys(INFERENCE_ENDPOINTS)) {
    if (path.startsWith("/v1/audio")) continue;
    const response = await post(simulator, path, BODIES[path]);
    const text = await response.text();
    assert.equal(response.status, 200, `${path}: ${text}`);
    const refused = await post(simulator, path, {
      ...BODIES[path] as object,
      model: "other",
    });
    assert.equal(refused.status, 404, path);
    await refused.body?.cancel();
  }
  const { running, waiting } = simulator.state();
  assert.deepEqual([running, waiting], [0, 0]);
});

test("the OpenAI client reads chats, completions, responses and embeddings", async () => {
  await using simulator = await start();
  const client = new OpenAI({
    baseURL: `${simulator.url}/v1`,
    apiKey: "none",
    maxRetries: 0,
  });
  const model = "simulated-model";
  const messages = [{ role: "user" as const, content: "Hello" }];

  const document = await client.chat.completions.create({ model, messages });
  let streamed = "";
  for await (
    const event of await client.chat.completions.create({
      model,
      messages,
      stream: true,
    })
  ) {
    streamed += event.choices[0]?.delta.content ?? "";
  }
  assert.equal(streamed, document.choices[0]!.message.content);

  const completion = await client.completions.create({
    model,
    prompt: "Hello",
    max_tokens: 3,
  });
  assert.equal(completion.choices[0]!.text.length, 12);

  const response = await client.responses.create({ model, input: "Hello" });
  const types = new Set<string>();
  let text = "";
  for await (
    const event of await client.responses.create({
      model,
      input: "Hello",
      stream: true,
    })
  ) {
    types.add(event.type);
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  assert.equal(text, response.output_text);
  assert.ok(types.has("response.created") && types.has("response.completed"));
  assert.deepEqual(
    (await client.responses.retrieve(response.id)).id,
    response.id,
  );

  const { data } = await client.embeddings.create({
    model,
    input: ["One", "Two"],
  });
  const [one] = data.map(({ embedding }) => embedding);
  assert.equal(one!.length, 64);
  assert.ok(Math.abs(Math.hypot(...one!) - 1) < 1e-6);

  const models = await client.models.list();
  assert.equal(models.data[0]!.owned_by, "vllm");
});

test("messages stream in Anthropic's events", async () => {
  await using simulator = await start();
  const body = chat("Hello", { max_tokens: 3, ignore_eos: true, stream: true });
  const text = await (await post(simulator, "/v1/messages", body)).text();
  assert.deepEqual(
    [...text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name),
    [
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_delta",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ],
  );
  assert.equal(events(text).at(-2).delta.stop_reason, "max_tokens");
});

test("audio is uploaded as a form and answered with a document or a stream", async () => {
  await using simulator = await start();
  const send = async (fields: Record<string, string>) => {
    const form = new FormData();
    form.set("file", new Blob([new Uint8Array(100_000)]), "speech.wav");
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    const url = `${simulator.url}/v1/audio/transcriptions`;
    return await (await fetch(url, { method: "POST", body: form })).text();
  };
  const { text } = JSON.parse(await send({ model: "simulated-model" }));
  const streamed = events(
    await send({ model: "simulated-model", stream: "true" }),
  );
  assert.equal(
    streamed.slice(0, -1).map((event) => event.choices[0].delta.content ?? "")
      .join(""),
    text,
  );
  assert.equal(JSON.parse(await send({ model: "other" })).error.code, 404);
});

test("an API key guards exactly what it guards in vLLM", async () => {
  await using simulator = await start({ apiKey: "secret" });
  const models = `${simulator.url}/v1/models`;
  const refused = await fetch(models);
  assert.equal(refused.status, 401);
  assert.deepEqual(await refused.json(), { error: "Unauthorized" });
  const allowed = await fetch(models, {
    headers: { authorization: "Bearer secret" },
  });
  assert.equal((await allowed.json()).data[0].id, "simulated-model");
  for (const path of ["/health", "/metrics", "/load"]) {
    const response = await fetch(simulator.url + path);
    assert.equal(response.status, 200);
    await response.body?.cancel();
  }
});

test("unknown paths get 404 and wrong methods 405", async () => {
  await using simulator = await start();
  const unknown = await fetch(`${simulator.url}/v1/nothing`);
  assert.equal(unknown.status, 404);
  assert.deepEqual(await unknown.json(), { detail: "Not Found" });
  const wrong = await fetch(`${simulator.url}/v1/completions`);
  assert.equal(wrong.status, 405);
  assert.deepEqual(await wrong.json(), { detail: "Method Not Allowed" });
});

test("/tokenizer_info tells the tokenizer's configuration and the chat template", async () => {
  await using simulator = await start({ maxModelLen: 512 });
  const info = await (await fetch(`${simulator.url}/tokenizer_info`)).json();
  assert.equal(info.tokenizer_class, "Qwen2TokenizerFast");
  assert.equal(info.model_max_length, 512);
  assert.match(info.chat_template, /<\|im_start\|>/);
  for (const name of ["eos_token", "pad_token"]) {
    const answer = await post(simulator, "/tokenize", { prompt: info[name] });
    const { tokens } = await answer.json();
    assert.equal(info.added_tokens_decoder[tokens[0]], info[name], name);
    assert.equal(tokens.length, 1);
  }
});
