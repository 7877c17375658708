import assert from "node:assert/strict";
import fc from "fast-check";
import { clientErrorIn, isShutdown } from "../../src/vllm/error_shape.ts";
import { numRuns } from "../support/property.ts";

const bytesOf = (body: unknown) =>
  new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));

/** As vLLM 0.32.0 words it; `/v1/messages` has Anthropic's shape around it. */
const NO_MODEL = "The model `nope` does not exist. Valid aliases: tiny-llm.";

for (
  const [what, status, body, isUnknownModel] of [
    ["an unknown model", 404, {
      error: { message: NO_MODEL, type: "NotFoundError", param: "model", code: 404 },
    }, true],
    ["an unknown model of messages", 404, {
      type: "error",
      error: { type: "NotFoundError", message: NO_MODEL },
    }, true],
    ["an unknown model before 0.10.1", 404, {
      object: "error",
      message: NO_MODEL,
      type: "NotFoundError",
      param: null,
      code: 404,
    }, true],
    ["an unknown path", 404, { detail: "Not Found" }, false],
    ["an unknown response", 404, {
      error: {
        message: "Response with id 'resp_123' not found.",
        type: "invalid_request_error",
        param: "response_id",
        code: 404,
      },
    }, false],
    ["an unknown adapter", 404, {
      error: { message: "The lora adapter 'x' cannot be found.", type: "NotFoundError", code: 404 },
    }, false],
    ["a prompt that is too long", 400, {
      error: {
        message: "This model's maximum context length is 16384 tokens.",
        type: "BadRequestError",
        param: "input_tokens",
        code: 400,
      },
    }, false],
    ["an invalid field", 400, {
      error: { message: "1 validation error", type: "Bad Request", param: "body", code: 400 },
    }, false],
    ["a wrong key", 401, { error: "Unauthorized" }, false],
    ["FastAPI's own validation", 422, { detail: [{ loc: ["body"], msg: "m" }] }, false],
  ] as const
) {
  Deno.test(`${what} has one of vLLM's shapes`, () => {
    assert.deepEqual(clientErrorIn(status, bytesOf(body)), {
      status,
      isVllmError: true,
      isUnknownModel,
      ...(what === "a prompt that is too long" && { isTooLong: true }),
    });
  });
}

for (
  const [what, status, body] of [
    ["nothing", 401, ""],
    ["a page of a gateway's", 404, "<html><head><title>404 Not Found</title></head></html>"],
    ["a line of a gateway's", 404, "default backend - 404"],
    ["a gateway's JSON", 404, { message: "no Route matched with those values" }],
    ["a gateway's JSON with a code", 403, { code: 403, message: "Forbidden", status: "error" }],
    ["a list", 400, []],
    ["null", 400, "null"],
    ["a text in JSON", 400, `"Bad Request"`],
    ["JSON that is cut off", 400, `{"error":{"message":"m"`],
    ["an error of null", 400, { error: null }],
    ["an error longer than any of vLLM's", 400, { error: { message: "x".repeat(70_000) } }],
  ] as const
) {
  Deno.test(`${what} has none of vLLM's shapes`, () => {
    assert.deepEqual(clientErrorIn(status, bytesOf(body)), {
      status,
      isVllmError: false,
      isUnknownModel: false,
    });
  });
}

Deno.test("only a 404 can mean an unknown model", () => {
  const body = bytesOf({ error: { message: NO_MODEL, type: "NotFoundError" } });
  for (const status of [400, 401, 403, 409, 422]) {
    assert.equal(clientErrorIn(status, body).isUnknownModel, false);
  }
});

Deno.test("any error body is classified, and only vLLM's can mean an unknown model", () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map(bytesOf),
    fc.record({ error: fc.jsonValue(), detail: fc.jsonValue(), type: fc.jsonValue() }, {
      requiredKeys: [],
    }).map(bytesOf),
  );
  fc.assert(
    fc.property(fc.integer({ min: 400, max: 499 }), body, (status, body) => {
      const error = clientErrorIn(status, body);
      assert.equal(error.status, status);
      if (error.isUnknownModel) assert.ok(error.isVllmError && status === 404);
    }),
    { numRuns },
  );
});

Deno.test("a server's shutdown is recognised by its error", () => {
  const message = "cannot schedule new futures after shutdown";
  assert.equal(isShutdown(bytesOf({ error: { message, code: 500 } })), true);
  assert.equal(isShutdown(bytesOf(`data: {"error":{"message":"${message}"}}\n\n`)), true);
  assert.equal(isShutdown(bytesOf({ error: { message: "Internal Server Error" } })), false);
  assert.equal(isShutdown(bytesOf("")), false);
  assert.equal(isShutdown(bytesOf(message + "x".repeat(70_000))), false, "too long to be one");
});

Deno.test("only vLLM's own error means a shutdown, not a page that echoes the client's text", () => {
  const words = "cannot schedule new futures after shutdown";
  const error = { message: words, type: "InternalServerError", param: null, code: 500 };
  assert.ok(isShutdown(bytesOf({ error })));
  assert.ok(isShutdown(new TextEncoder().encode(`data: ${JSON.stringify({ error })}\n\n`)));
  const echoed = { error: { ...error, message: `can't read: {"message":"${words}"}` } };
  assert.equal(isShutdown(bytesOf(echoed)), false);
  assert.equal(isShutdown(new TextEncoder().encode(`<p>{"message":"${words}"}</p>`)), false);
});

for (
  const [engine, status, body] of [
    ["llama.cpp", 400, {
      error: {
        code: 400,
        message: "request (3002 tokens) exceeds the available context size (1024 tokens)",
        type: "exceed_context_size_error",
        n_prompt_tokens: 3002,
        n_ctx: 1024,
      },
    }],
    ["SGLang", 400, {
      object: "error",
      message: "The input (3002 tokens) is longer than the model's context length (1024 tokens).",
      type: "BadRequest",
      param: null,
      code: 400,
    }],
    ["TGI", 422, {
      error: "Input validation error: `inputs` must have less than 1024 tokens. Given: 3002",
      error_type: "validation",
    }],
  ] as const
) {
  Deno.test(`a prompt that is too long for ${engine} is no fault of the server`, () => {
    assert.equal(clientErrorIn(status, bytesOf(body)).isTooLong, true);
  });
}

for (
  const [engine, error] of [
    ["Ollama", { message: 'model "x" not found, try pulling it first', type: "not_found_error" }],
    ["LMDeploy", { message: "The model 'x' does not exist.", type: "invalid_request_error" }],
  ] as const
) {
  Deno.test(`${engine} says that it doesn't have a model`, () => {
    assert.equal(clientErrorIn(404, bytesOf({ error })).isUnknownModel, true);
  });
}
