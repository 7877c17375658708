import Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { MODEL, startFleet } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";
import { deadUrl } from "../support/upstream.ts";

const request = {
  model: MODEL,
  messages: [{ role: "user" as const, content: "Hello" }],
  max_tokens: 20,
};

const clientOf = (url: string, apiKey = "none") =>
  new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });

/** Returns the error that the SDK throws, and Anthropic's type in it. */
async function errorOf(asked: Promise<unknown>) {
  const error = await asked.then(() => assert.fail("it succeeded"), (error) => error);
  assert.ok(error instanceof Anthropic.APIError, String(error));
  const body = error.error as { type: string; error: { type: string; message: string } };
  assert.equal(body.type, "error");
  return { error, type: body.error.type, message: body.error.message };
}

Deno.test("the anthropic SDK shows the sentence, the type and the id of the router's errors", async () => {
  await using fleet = await startFleet({ servers: [{}] });
  const { messages } = clientOf(fleet.router.url);
  const unknown = { ...request, model: "simulated" };
  for (
    const asked of [
      messages.create(unknown),
      messages.stream(unknown).finalMessage(),
      messages.countTokens(unknown),
    ]
  ) {
    const { error, type, message } = await errorOf(asked);
    assert.ok(error instanceof Anthropic.NotFoundError);
    assert.equal(type, "not_found_error");
    assert.match(message, /^The model `simulated` does not exist\. Models: `simulated-/);
    assert.ok(error.requestID);
  }
});

Deno.test("the anthropic SDK shows a server's own error", async () => {
  await using fleet = await startFleet({ servers: [{ maxModelLen: 64 }] });
  const { messages } = clientOf(fleet.router.url);
  const { error, message } = await errorOf(messages.create({ ...request, max_tokens: 100 }));
  assert.ok(error instanceof Anthropic.BadRequestError);
  assert.match(message, /cannot be greater than max_model_len=64/);
});

Deno.test("the anthropic SDK shows the sentence of a wrong key, a limit, and of having no server", async () => {
  const auth = { api_keys: [{ name: "k", key: "secret-key-1", requests_per_minute: 1 }] };
  await using router = await startRouter([{ url: deadUrl(), models: [MODEL] }], {}, {}, { auth });
  const ask = (apiKey: string) => errorOf(clientOf(router.url, apiKey).messages.create(request));
  const wrong = await ask("other");
  assert.ok(wrong.error instanceof Anthropic.AuthenticationError);
  assert.equal(wrong.type, "authentication_error");
  assert.match(wrong.message, /Expected a valid key/);
  const none = await ask("secret-key-1");
  assert.deepEqual([none.error.status, none.type], [503, "overloaded_error"]);
  assert.equal(none.error.headers!.get("retry-after-ms"), "2000");
  const limited = await ask("secret-key-1");
  assert.ok(limited.error instanceof Anthropic.RateLimitError);
  assert.equal(limited.type, "rate_limit_error");
  assert.match(limited.message, /request limit/);
});

Deno.test("the anthropic SDK shows the sentence of a stream that breaks", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "reset_mid_stream", afterTokens: 3 } }],
    settings: { continue_streams: false, failure_threshold: 100 },
  });
  let texts = 0;
  const stream = clientOf(fleet.router.url).messages.stream(request);
  stream.on("text", () => void texts++);
  const { type, message } = await errorOf(stream.finalMessage());
  assert.equal(texts, 3);
  assert.equal(type, "api_error");
  assert.match(message, /broke off in the middle/);
});
