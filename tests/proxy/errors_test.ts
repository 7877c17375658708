import assert from "node:assert/strict";
import * as errors from "../../src/proxy/errors.ts";

const every: errors.ApiError[] = [
  errors.badRequest("The body is bad."),
  errors.badRequest("The model is bad.", "model"),
  errors.unknownModel("m"),
  errors.noServer(10),
  errors.noServer(10, "m"),
  errors.serversFailed,
  errors.serversSilent(1_000),
  errors.brokenStream("timeout", 1_000),
  errors.brokenStream("truncated", 1_000),
  errors.internalError,
  errors.notFound("/x"),
  errors.methodNotAllowed("PUT", "/x"),
  errors.shuttingDown,
];

Deno.test("every error of ours has the shape that OpenAI clients know", async () => {
  for (const error of every) {
    const response = errors.errorResponse(error, { "x-request-id": "id" });
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

Deno.test("who has no server is told when to come back, in whole seconds", () => {
  const retryAfter = (error: errors.ApiError) =>
    errors.errorResponse(error).headers.get("retry-after");
  assert.equal(retryAfter(errors.noServer(10, "m")), "10");
  assert.equal(retryAfter(errors.noServer(0.2)), "1");
  assert.equal(retryAfter(errors.serversFailed), null);
});

Deno.test("the statuses are those of the contract", () => {
  assert.equal(errors.unknownModel("m").status, 404);
  assert.equal(errors.noServer(1).status, 503);
  assert.equal(errors.serversFailed.status, 502);
  assert.equal(errors.serversSilent(1).status, 504);
  assert.equal(errors.brokenStream("timeout", 1).status, 504);
  assert.equal(errors.brokenStream("reset", 1).status, 502);
});

Deno.test("the event of a broken stream stands apart from one that broke off in the middle", () => {
  const broken = new TextDecoder().decode(
    errors.errorEvent(errors.brokenStream("truncated", 1_000)),
  );
  const events = `data: {"choices":[{"del${broken}`.split("\n\n")
    .filter((event) => event !== "");
  assert.equal(events.length, 2);
  const { error } = JSON.parse(events[1]!.replace(/^data: /, ""));
  assert.equal(error.code, 502);
});
