import assert from "node:assert/strict";
import * as errors from "../../src/http/api_errors.ts";
import * as serverErrors from "../../src/proxy/response/server_errors.ts";

const SETTINGS = { requestTimeoutMs: 7_000, chunkTimeoutMs: 1_500, totalTimeoutMs: 60_000 };

const every: errors.ApiError[] = [
  errors.badRequest("The body is bad."),
  errors.badRequest("The model is bad.", "model"),
  errors.unknownModel("m"),
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
    const response = errors.errorResponse(error, [["x-request-id", "id"]]);
    assert.equal(response.status, error.status);
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.equal(response.headers.get("x-request-id"), "id");
    assert.deepEqual(await response.json(), {
      error: {
        message: error.message,
        type: error.type,
        param: error.param ?? null,
        code: error.status,
      },
    });
    assert.notEqual(error.message, "");
  }
});

Deno.test("an error for lack of a server has retry-after in whole seconds", () => {
  const retryAfter = (error: errors.ApiError) =>
    errors.errorResponse(error).headers.get("retry-after");
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

Deno.test("the error event of a broken stream is separate from the truncated event before it", () => {
  const broken = new TextDecoder().decode(
    errors.errorEvent(serverErrors.brokenStream(undefined, SETTINGS)),
  );
  const events = `data: {"choices":[{"del${broken}`.split("\n\n")
    .filter((event) => event !== "");
  assert.equal(events.length, 2);
  const { error } = JSON.parse(events[1]!.replace(/^data: /, ""));
  assert.equal(error.code, 502);
});
