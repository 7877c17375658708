import assert from "node:assert/strict";
import OpenAI from "openai";
import { MODEL, startFleet } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";
import { deadUrl } from "../support/upstream.ts";

const messages = [{ role: "user" as const, content: "Hello" }];

const clientOf = (url: string, options: { apiKey?: string; maxRetries?: number } = {}) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0, ...options });

/** Returns the error that the SDK throws. */
async function errorOf(asked: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error = await asked.then(() => assert.fail("it succeeded"), (error) => error);
  assert.ok(error instanceof OpenAI.APIError, String(error));
  return error;
}

Deno.test("the openai SDK shows the sentence, the code and the id of the router's errors", async () => {
  await using fleet = await startFleet({ servers: [{}] });
  const client = clientOf(fleet.router.url);
  const unknown = await errorOf(client.chat.completions.create({ model: "simulated", messages }));
  assert.deepEqual([unknown.status, unknown.code, unknown.param], [
    404,
    "model_not_found",
    "model",
  ]);
  assert.match(unknown.message, /^404 The model `simulated` does not exist\. Models: `simulated-/);
  assert.ok(unknown.requestID);
  const path = await errorOf(client.post("/chat/completion", { body: {} }));
  assert.deepEqual([path.status, path.code], [404, "unknown_path"]);
  assert.match(path.message, /Did you mean \/v1\/chat\/completions\?/);
  const bad = await errorOf(client.post("/chat/completions", { body: [] as never }));
  assert.deepEqual([bad.status, bad.code], [400, "invalid_request"]);
});

Deno.test("the openai SDK shows the sentence of a wrong key, a limit, and of having no server", async () => {
  const auth = { api_keys: [{ name: "k", key: "secret-key-1", requests_per_minute: 1 }] };
  await using router = await startRouter([{ url: deadUrl(), models: ["m"] }], {}, {}, { auth });
  const ask = (apiKey: string) =>
    errorOf(clientOf(router.url, { apiKey }).chat.completions.create({ model: "m", messages }));
  const wrong = await ask("other");
  assert.ok(wrong instanceof OpenAI.AuthenticationError);
  assert.equal(wrong.code, "invalid_api_key");
  assert.match(wrong.message, /Expected a valid key/);
  const none = await ask("secret-key-1");
  assert.deepEqual([none.status, none.code], [503, "no_server_available"]);
  assert.equal(none.headers!.get("retry-after-ms"), "2000");
  const limited = await ask("secret-key-1");
  assert.ok(limited instanceof OpenAI.RateLimitError);
  assert.match(limited.message, /request limit/);
  const waitMs = Number(limited.headers!.get("retry-after-ms"));
  assert.ok(waitMs > 0 && waitMs <= 60_000, `${waitMs}`);
});

Deno.test("the openai SDK does not retry what can't be helped by it", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "hang_before_head" } }],
    settings: { total_timeout: 0.2, max_retries: 0 },
  });
  const client = clientOf(fleet.router.url, { maxRetries: 2 });
  const error = await errorOf(client.chat.completions.create({ model: MODEL, messages }));
  assert.deepEqual([error.status, error.code], [504, "total_timeout"]);
  assert.equal(fleet.simulators[0]!.state().received, 1);
});

Deno.test("the openai SDK shows the sentence of a stream that breaks, in chat and in responses", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "reset_mid_stream", afterTokens: 3 } }],
    settings: { continue_streams: false, failure_threshold: 100 },
  });
  const client = clientOf(fleet.router.url);
  const chat = await errorOf((async () => {
    const stream = { model: MODEL, messages, max_tokens: 20, stream: true as const };
    for await (const _ of await client.chat.completions.create(stream));
  })());
  assert.match(chat.message, /broke off in the middle/);
  assert.equal(chat.code, "stream_broken");
  const numbers: number[] = [];
  const responses = await errorOf((async () => {
    const stream = { model: MODEL, input: "Hello", max_output_tokens: 20, stream: true as const };
    for await (const event of await client.responses.create(stream)) {
      numbers.push(event.sequence_number);
    }
  })());
  assert.match(responses.message, /broke off in the middle/);
  assert.equal(responses.code, "server_error");
  assert.equal(
    (responses.error as { sequence_number: number }).sequence_number,
    numbers.at(-1)! + 1,
  );
});
