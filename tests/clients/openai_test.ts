import assert from "node:assert/strict";
import OpenAI from "openai";
import { inFlight, MODEL, startFleet, type TestFleet } from "../support/fleet.ts";
import { until } from "../support/until.ts";

function clientOf(fleet: TestFleet): OpenAI {
  return new OpenAI({
    baseURL: `${fleet.router.url}/v1`,
    apiKey: "none",
    maxRetries: 0,
  });
}

const messages = [{ role: "user" as const, content: "Hello" }];

/** Reads a streamed chat of 20 tokens to its end. */
async function readChat(fleet: TestFleet) {
  const stream = await clientOf(fleet).chat.completions.create({
    model: MODEL,
    messages,
    max_tokens: 20,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let parts = 0;
  let tokens = 0;
  const ids = new Set<string>();
  for await (const chunk of stream) {
    const { content: part, role } = chunk.choices[0]?.delta ?? {};
    // The first half of a character is a token without text.
    if (part !== undefined && !role) parts++;
    text += part ?? "";
    tokens = chunk.usage?.completion_tokens ?? tokens;
    ids.add(chunk.id);
  }
  return { text, parts, tokens, ids: ids.size };
}

Deno.test("the openai SDK completes a chat", async () => {
  await using fleet = await startFleet({ servers: [{}, {}] });
  const completion = await clientOf(fleet).chat.completions.create({
    model: MODEL,
    messages,
    max_tokens: 6,
  });
  assert.equal(completion.object, "chat.completion");
  assert.ok(completion.choices[0]!.message.content);
  assert.ok(completion.usage!.completion_tokens > 0);
});

Deno.test("the openai SDK streams a chat token by token, with usage at the end", async () => {
  await using fleet = await startFleet({ servers: [{}, {}] });
  const { text, parts, tokens } = await readChat(fleet);
  assert.ok(text.length > 0);
  assert.equal(parts, tokens);
});

Deno.test("the openai SDK completes a text, streaming and not", async () => {
  await using fleet = await startFleet({ servers: [{ seed: 3 }] });
  const request = { model: MODEL, prompt: "Once upon a time", max_tokens: 12 };
  const whole = await clientOf(fleet).completions.create(request);
  let streamed = "";
  for await (
    const part of await clientOf(fleet).completions.create({
      ...request,
      stream: true,
    })
  ) {
    streamed += part.choices[0]?.text ?? "";
  }
  assert.ok(streamed.length > 0);
  assert.equal(streamed, whole.choices[0]!.text);
});

Deno.test("the openai SDK gets embeddings in its own binary form", async () => {
  await using fleet = await startFleet({ servers: [{}] });
  const { data } = await clientOf(fleet).embeddings.create({
    model: MODEL,
    input: ["one", "two"],
  });
  assert.equal(data.length, 2);
  assert.ok(data[0]!.embedding.length > 1);
  assert.ok(data[0]!.embedding.every(Number.isFinite));
});

Deno.test("the openai SDK lists the models of all servers, each once, and describes one", async () => {
  await using fleet = await startFleet({
    servers: [{ models: ["org/a", "shared"] }, { models: ["b", "shared"] }],
  });
  const ids: string[] = [];
  for await (const model of clientOf(fleet).models.list()) ids.push(model.id);
  assert.deepEqual(ids.toSorted(), ["b", "org/a", "shared"]);
  const model = await clientOf(fleet).models.retrieve("org/a");
  assert.equal(model.id, "org/a");
  assert.ok("max_model_len" in model);
});

Deno.test("a stream that the openai SDK aborts frees its server", async () => {
  await using fleet = await startFleet({ servers: [{ speed: 1 }] });
  const stream = await clientOf(fleet).chat.completions.create({
    model: MODEL,
    messages,
    stream: true,
    max_tokens: 1000,
  });
  for await (const _ of stream) break;
  await until(
    "the server is freed",
    () => fleet.simulators[0]!.state().running === 0,
  );
  await until("the router is freed", () => inFlight(fleet.router) === 0);
  assert.equal(fleet.simulators[0]!.state().aborted, 1);
});

Deno.test("errors surface as the openai SDK's own classes", async () => {
  await using fleet = await startFleet({ servers: [{}] });
  const client = clientOf(fleet);
  const chat = (model: string, content: unknown = "Hello") =>
    client.chat.completions.create({
      model,
      messages: [{ role: "user", content: content as string }],
    });
  await assert.rejects(chat("no-such-model"), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.param, "model");
    assert.match(error.message, /no-such-model/);
    return true;
  });
  await fleet.simulators[0]!.setFault({ kind: "status", status: 400 });
  await assert.rejects(chat(MODEL), OpenAI.BadRequestError);
  await fleet.simulators[0]!.setFault({ kind: "reset_before_head" });
  await assert.rejects(chat(MODEL), OpenAI.InternalServerError);
});

Deno.test("a broken stream reaches the openai SDK as an error, not as an end", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "reset_mid_stream", afterTokens: 4 } }],
  });
  const stream = await clientOf(fleet).chat.completions.create({
    model: MODEL,
    messages,
    stream: true,
    max_tokens: 50,
  });
  let parts = 0;
  await assert.rejects(async () => {
    for await (const _ of stream) parts++;
  }, OpenAI.APIError);
  assert.ok(parts >= 4);
});

Deno.test("the openai SDK reads a stream to its end that another server went on with", async () => {
  await using fleet = await startFleet({ servers: [{}, {}], settings: { policy: "round_robin" } });
  const uncut = await readChat(fleet);
  const [cutting] = fleet.simulators;
  await cutting!.setFault({ kind: "reset_mid_stream", afterTokens: 7, times: 1 });
  for (let i = 0; i < 2; i++) assert.deepEqual(await readChat(fleet), uncut);
  assert.ok(cutting!.state().failed > 0, "one of them was cut off");
});
