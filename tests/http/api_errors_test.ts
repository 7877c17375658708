import assert from "node:assert/strict";
import * as errors from "../../src/http/api_errors.ts";
import { errorBody, errorHead, errorResponse } from "../../src/http/error_answer.ts";
import * as serverErrors from "../../src/proxy/response/server_errors.ts";

const SETTINGS = { requestTimeoutMs: 7_000, chunkTimeoutMs: 1_500, totalTimeoutMs: 60_000 };

const every: errors.ApiError[] = [
  errors.badRequest("The body is bad."),
  errors.badRequest("The model is bad.", "model"),
  errors.unknownModel("m"),
  errors.unknownResponse("resp_1"),
  errors.responseGone("resp_1", "gpu-1"),
  serverErrors.noServer(),
  serverErrors.noServer("m"),
  serverErrors.serversFailed,
  serverErrors.serversSilent(1_000),
  serverErrors.brokenStream("silent", SETTINGS),
  serverErrors.brokenStream("overdue", SETTINGS),
  serverErrors.brokenStream("cut_off", SETTINGS),
  serverErrors.brokenStream(undefined, SETTINGS),
  serverErrors.retriesDenied,
  errors.tooManyRequests(10),
  errors.noRoomForBody,
  errors.bodyTooLarge(1024 * 1024),
  errors.uploadTooSlow(1_000),
  errors.headTooLarge,
  errors.wrongKey,
  errors.forbiddenModel("m"),
  errors.forbiddenModel(undefined),
  errors.keyLimitReached,
  errors.tooManyFromClient(4),
  errors.noWebSocket,
  errors.internalError,
  errors.notFound("/x"),
  errors.methodNotAllowed("PUT", "/x"),
  errors.shuttingDown,
];

Deno.test("all of the router's errors are in OpenAI's format", async () => {
  for (const error of every) {
    const response = errorResponse(error, [], { target: "/v1/completions", id: "id" });
    assert.equal(response.status, error.status);
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.equal(response.headers.get("x-request-id"), "id");
    assert.deepEqual(await response.json(), {
      error: {
        message: error.message,
        type: error.type,
        param: error.param ?? null,
        code: error.code,
      },
    });
    assert.notEqual(error.message, "");
    assert.match(error.code, /^[a-z_]+$/);
  }
});

Deno.test("an error for lack of a server has retry-after in whole seconds", () => {
  const retryAfter = (error: errors.ApiError) => errorResponse(error).headers.get("retry-after");
  assert.equal(retryAfter(serverErrors.noServer("m")), "2");
  assert.equal(retryAfter({ ...serverErrors.noServer(), retryAfterSeconds: 0.2 }), "1");
  assert.equal(retryAfter(serverErrors.serversFailed), null);
});

Deno.test("every 503 has retry-after, and no other error does", () => {
  for (const error of every) {
    // A key's limits have their own headers.
    if (error.status === 429) continue;
    assert.equal(error.retryAfterSeconds !== undefined, error.status === 503, error.message);
  }
});

Deno.test("errors have the documented statuses", () => {
  assert.equal(errors.unknownModel("m").status, 404);
  assert.equal(serverErrors.noServer().status, 503);
  assert.equal(serverErrors.serversFailed.status, 502);
  assert.equal(serverErrors.serversSilent(1).status, 504);
  assert.equal(errors.wrongKey.status, 401);
  assert.equal(errors.uploadTooSlow(1).status, 408);
  assert.equal(errors.bodyTooLarge(1).status, 413);
  assert.equal(errors.keyLimitReached.status, 429);
  assert.equal(errors.tooManyFromClient(1).status, 429);
  assert.equal(errors.headTooLarge.status, 431);
});

Deno.test("a forbidden model gets the same status as an unknown model", () => {
  const { status, type, param } = errors.unknownModel("m");
  const forbidden = errors.forbiddenModel("m");
  assert.deepEqual([forbidden.status, forbidden.type, forbidden.param], [status, type, param]);
  assert.equal(errors.forbiddenModel(undefined).status, 400);
});

Deno.test("at Anthropic's endpoints all of the router's errors are in Anthropic's format", async () => {
  const types = new Map([
    [400, "invalid_request_error"],
    [401, "authentication_error"],
    [404, "not_found_error"],
    [405, "invalid_request_error"],
    [408, "invalid_request_error"],
    [413, "request_too_large"],
    [429, "rate_limit_error"],
    [431, "invalid_request_error"],
    [500, "api_error"],
    [501, "api_error"],
    [502, "api_error"],
    [503, "overloaded_error"],
    [504, "timeout_error"],
  ]);
  for (const target of ["/v1/messages", "/v1/messages/count_tokens", "/v1/messages?beta=true"]) {
    for (const error of every) {
      const response = errorResponse(error, [], { target, id: "id" });
      assert.equal(response.status, error.status);
      assert.equal(response.headers.get("request-id"), "id");
      assert.deepEqual(await response.json(), {
        type: "error",
        error: { type: types.get(error.status), message: error.message },
        request_id: "id",
      });
    }
  }
  assert.match(errorBody(errors.wrongKey, "anthropic"), /"request_id":null/);
});

Deno.test("retry-after-ms is exact, and a wait that SDKs cut short is told not to be tried", () => {
  const head = (error: errors.ApiError, given: [string, string][] = []) =>
    Object.fromEntries(errorHead(error, given));
  assert.equal(head(serverErrors.noServer())["retry-after-ms"], "2000");
  assert.equal(head({ ...errors.shuttingDown, retryAfterSeconds: 0.2 })["retry-after-ms"], "200");
  const limited = (seconds: string) => head(errors.keyLimitReached, [["retry-after", seconds]]);
  assert.equal(limited("7")["retry-after-ms"], "7000");
  assert.equal(limited("7")["x-should-retry"], undefined);
  assert.equal(limited("3600")["x-should-retry"], "false");
  assert.equal(head(serverErrors.overdue(1))["x-should-retry"], "false");
  assert.equal(head(errors.noWebSocket)["x-should-retry"], "false");
  assert.equal(head(serverErrors.serversFailed)["x-should-retry"], undefined);
});

Deno.test("docs/errors.md has a row for each of the router's errors", () => {
  const text = Deno.readTextFileSync(new URL("../../docs/errors.md", import.meta.url));
  const rows = text.split("\n").map((line) => line.replaceAll(" ", ""));
  for (const { status, type, code } of every) {
    assert.ok(rows.some((row) => row.startsWith(`|${status}|\`${type}\`|\`${code}\`|`)), code);
  }
});
