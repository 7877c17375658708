import assert from "node:assert/strict";
import { errorStatusOf } from "../../src/vllm/error_event.ts";

for (
  const [what, data, status] of [
    [
      "vLLM's error",
      { error: { message: "m", type: "InternalServerError", param: null, code: 500 } },
      500,
    ],
    ["vLLM's error for a bad request", { error: { type: "BadRequestError", code: 400 } }, 400],
    ["vLLM's error at its limit", { error: { type: "ServiceUnavailable", code: 503 } }, 503],
    ["vLLM's older flat error", { object: "error", message: "m", type: "x", code: 502 }, 502],
    ["OpenAI's server error", { error: { type: "server_error", code: null } }, 500],
    ["OpenAI's error for an invalid key", {
      error: { type: "invalid_request_error", code: "invalid_api_key" },
    }, 400],
    [
      "Anthropic's error when overloaded",
      { type: "error", error: { type: "overloaded_error" } },
      500,
    ],
    ["Anthropic's internal error", { type: "error", error: { type: "api_error" } }, 500],
    [
      "Anthropic's error for a bad request",
      { type: "error", error: { type: "invalid_request_error" } },
      400,
    ],
    ["a response.failed event with an error", {
      type: "response.failed",
      response: { error: { code: "server_error" } },
    }, 500],
    ["a response.failed event without an error", { type: "response.failed", response: null }, 500],
    ["an error with a code as a string", { error: { code: "503" } }, 503],
    ["an error with a code that is not a status", { error: { code: 7, type: "internal" } }, 500],
    ["an error that is a string", { error: "timeout" }, 400],
  ] as const
) {
  Deno.test(`${what} has status ${status}`, () => {
    assert.equal(errorStatusOf(JSON.stringify(data)), status);
  });
}

Deno.test("a code or type that can't be converted to a string doesn't throw", () => {
  const odd = `{"toString":1,"valueOf":1}`;
  assert.equal(errorStatusOf(`{"error":{"code":${odd},"type":${odd}}}`), 400);
  assert.equal(errorStatusOf(`{"error":{"code":[503],"type":"engine"}}`), 500);
});

for (
  const data of [
    "[DONE]",
    "",
    `{"choices":[{"delta":{"content":"\\"error\\""}}]}`,
    `{"choices":[{"delta":{"content":"x"},"error":{"code":500}}]}`,
    `{"id":"1","error":null}`,
    `{"type":"response.completed","response":{"error":null}}`,
    `{"error":`,
    `["error"]`,
    `"error"`,
    "null",
    `{"type":"error_count"}`,
  ]
) {
  Deno.test(`${data || "an empty text"} is not an error`, () => {
    assert.equal(errorStatusOf(data), undefined);
  });
}
