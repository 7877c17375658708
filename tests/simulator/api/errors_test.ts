import assert from "node:assert/strict";
import { chat, start, test } from "../helpers.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

const CHAT = "/v1/chat/completions";
const hi = (more: Json = {}) => chat("hi", { model: "tiny-llm", ...more });

/** What vLLM 0.32 answered to the same requests, except the too long prompt's numbers. */
const CASES: readonly (readonly [path: string, body: Json, status: number, document: Json])[] = [
  [CHAT, hi({ model: "nope" }), 404, {
    message: "The model `nope` does not exist. Valid aliases: tiny-llm.",
    type: "NotFoundError",
    param: "model",
  }],
  [CHAT, chat("long ".repeat(2000), { stream: true }), 400, {
    message: "This model's maximum context length is 1000 tokens. However, your prompt contains " +
      "at least 1001 input tokens, which exceeds this limit even without any output tokens. " +
      "Please reduce the length of the input prompt. (parameter=input_tokens, value=1001)",
    type: "BadRequestError",
    param: "input_tokens",
  }],
  [CHAT, hi({ max_tokens: 1_000_000 }), 400, {
    message: "max_tokens=1000000 cannot be greater than max_model_len=1000. Please request fewer " +
      "output tokens. (parameter=max_tokens, value=1000000)",
    type: "BadRequestError",
    param: "max_tokens",
  }],
  [CHAT, hi({ max_tokens: 0 }), 400, {
    message: "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)",
    type: "BadRequestError",
    param: "max_tokens",
  }],
  [CHAT, '{"model": "tiny-llm", "messages": [', 400, {
    message: "1 validation error:\n  {'type': 'json_invalid', 'loc': 'body.35', 'msg': 'JSON " +
      "decode error', 'input': '<dict of 0 items>', 'ctx': {'error': 'Expecting value'}}",
    type: "Bad Request",
    param: "body.35",
  }],
  [CHAT, "[]", 400, {
    message: "1 validation error:\n  {'type': 'model_attributes_type', 'loc': 'body', 'msg': " +
      "'Input should be a valid dictionary or object to extract fields from', 'input': '<list of " +
      "0 items>'}",
    type: "Bad Request",
    param: "body",
  }],
  [CHAT, "", 400, {
    message: "1 validation error:\n  {'type': 'missing', 'loc': 'body', 'msg': 'Field required', " +
      "'input': 'None'}",
    type: "Bad Request",
    param: "body",
  }],
  [CHAT, { model: "tiny-llm" }, 400, {
    message: "1 validation error:\n  {'type': 'missing', 'loc': 'body.messages', 'msg': 'Field " +
      "required', 'input': '<dict of 1 items>'}",
    type: "Bad Request",
    param: "body.messages",
  }],
  [CHAT, hi({ temperature: "hot" }), 400, {
    message: "1 validation error:\n  {'type': 'float_parsing', 'loc': 'body.temperature', 'msg': " +
      "'Input should be a valid number, unable to parse string as a number', 'input': 'hot'}",
    type: "Bad Request",
    param: "body.temperature",
  }],
  [CHAT, hi({ temperature: -3 }), 400, {
    message: "temperature must be non-negative, got -3.0. (parameter=temperature, value=-3.0)",
    type: "BadRequestError",
    param: "temperature",
  }],
  [CHAT, hi({ n: 0 }), 400, {
    message: "n must be at least 1, got 0.",
    type: "BadRequestError",
    param: null,
  }],
  ["/v1/messages", { messages: hi().messages, model: "tiny-llm" }, 400, {
    message: "1 validation error:\n  {'type': 'missing', 'loc': 'body.max_tokens', 'msg': 'Field " +
      "required', 'input': '<dict of 2 items>'}",
    type: "Bad Request",
    param: "body.max_tokens",
  }],
  ["/v1/responses", { input: "hi", previous_response_id: "resp_123" }, 404, {
    message: "Response with id 'resp_123' not found.",
    type: "invalid_request_error",
    param: "response_id",
  }],
];

test("refused requests get vLLM's own documents", async () => {
  await using simulator = await start({ models: ["tiny-llm"], maxModelLen: 1000 });
  for (const [path, body, status, document] of CASES) {
    const response = await fetch(simulator.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    assert.equal(response.status, status, document.message);
    assert.deepEqual(await response.json(), { error: { ...document, code: status } });
  }
});

test("another content type, method or path gets vLLM's document", async () => {
  await using simulator = await start({ models: ["tiny-llm"] });
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(simulator.url + path, init);
    return [response.status, await response.json()];
  };
  const text = { method: "POST", headers: { "content-type": "text/plain" }, body: "{}" };
  assert.deepEqual(await ask(CHAT, text), [400, {
    error: {
      message: "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed",
      type: "Bad Request",
      param: null,
      code: 400,
    },
  }]);
  assert.deepEqual(await ask(CHAT), [405, { detail: "Method Not Allowed" }]);
  assert.deepEqual(await ask("/v1/nothing"), [404, { detail: "Not Found" }]);
  const messages = { model: "nope", max_tokens: 1, messages: hi().messages };
  const unknown = await ask("/v1/messages", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(messages),
  });
  const message = "The model `nope` does not exist. Valid aliases: tiny-llm.";
  assert.deepEqual(unknown, [404, { type: "error", error: { type: "NotFoundError", message } }]);
});

test("wrong types and ranges are named, each with its field", async () => {
  await using simulator = await start();
  const cases: [Json, RegExp][] = [
    [{ max_tokens: 1.5 }, /'int_from_float', 'loc': 'body.max_tokens'.*'input': '1.5'/],
    [{ max_tokens: "many" }, /'int_parsing', 'loc': 'body.max_tokens'.*unable to parse string/],
    [{ stream: [] }, /'bool_type', 'loc': 'body.stream'.*'<list of 0 items>'/],
    [{ stream: "perhaps" }, /'bool_parsing'.*unable to interpret input/],
    [{ model: 7 }, /'string_type', 'loc': 'body.model'.*'input': '7'/],
    [{ messages: "hi" }, /'list_type', 'loc': 'body.messages'/],
    [{ n: [], seed: {} }, /^2 validation errors:\n {2}\{.*body\.n'.*\n {2}\{.*body\.seed'/],
    [{ temperature: 2.5 }, /^temperature must be in \[0, 2\], got 2\.5\./],
    [{ top_p: 0 }, /^top_p must be in \(0, 1\], got 0\.0\. \(parameter=top_p, value=0\.0\)$/],
    [{ frequency_penalty: 3 }, /^frequency_penalty must be in \[-2, 2\], got 3\.0\.$/],
    [{ n: 20_000 }, /^n must be at most 16384, got 20000\./],
    [
      { min_tokens: 9, max_tokens: 8 },
      /^min_tokens must be less than or equal to max_tokens=8, got 9\.$/,
    ],
  ];
  for (const [more, message] of cases) {
    const response = await fetch(simulator.url + CHAT, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(chat("hi", more)),
    });
    assert.equal(response.status, 400);
    assert.match((await response.json()).error.message, message);
  }
});

test("broken JSON is located in Python's words", async () => {
  await using simulator = await start();
  const cases = [
    ["{", "body.1", "Expecting property name enclosed in double quotes"],
    ['{"a" 1}', "body.5", "Expecting ':' delimiter"],
    ['{"a": 1 "b"}', "body.8", "Expecting ',' delimiter"],
    ["{} x", "body.3", "Extra data"],
  ] as const;
  for (const [body, param, words] of cases) {
    const response = await fetch(simulator.url + CHAT, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    const { error } = await response.json();
    assert.ok(error.message.includes(words), error.message);
    assert.equal(error.param, param, body);
  }
});
