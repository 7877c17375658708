import assert from "node:assert/strict";
import type { Refusal } from "../../src/fleet/eligible.ts";
import * as errors from "../../src/proxy/errors.ts";
import type { Expiry } from "../../src/proxy/outcome_of.ts";

const SETTINGS = { requestTimeoutMs: 7_000, chunkTimeoutMs: 1_500, totalTimeoutMs: 60_000 };

const every: errors.ApiError[] = [
  errors.badRequest("The body is bad."),
  errors.badRequest("The model is bad.", "model"),
  errors.unknownModel("m"),
  errors.noServer(),
  errors.noServer("m"),
  errors.serversFailed,
  errors.serversSilent(1_000),
  errors.brokenStream("silent", SETTINGS),
  errors.brokenStream("overdue", SETTINGS),
  errors.brokenStream("cut_off", SETTINGS),
  errors.brokenStream(undefined, SETTINGS),
  errors.retriesHeldBack,
  errors.tooManyRequests(10),
  errors.noRoomForBody,
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
  assert.equal(retryAfter(errors.noServer("m")), "2");
  assert.equal(retryAfter({ ...errors.noServer(), retryAfterSeconds: 0.2 }), "1");
  assert.equal(retryAfter(errors.serversFailed), null);
});

Deno.test("every 503 tells when to come back", () => {
  for (const error of every) {
    assert.equal(error.retryAfterSeconds !== undefined, error.status === 503, error.message);
  }
});

Deno.test("the statuses are those of the contract", () => {
  assert.equal(errors.unknownModel("m").status, 404);
  assert.equal(errors.noServer().status, 503);
  assert.equal(errors.serversFailed.status, 502);
  assert.equal(errors.serversSilent(1).status, 504);
});

for (
  const [expired, status, words] of [
    ["silent", 504, /fell silent for 1\.5 s in the middle/],
    ["overdue", 504, /longer than 60 s/],
    ["cut_off", 503, /shutting down/],
    ["stalled", 502, /broke off in the middle/],
    ["unreachable", 502, /broke off in the middle/],
    [undefined, 502, /broke off in the middle/],
  ] as const
) {
  Deno.test(`a stream that broke, ${expired ?? "by its server"}, is ${status}`, () => {
    const error = errors.brokenStream(expired, SETTINGS);
    assert.equal(error.status, status);
    assert.match(error.message, words);
  });
}

for (
  const [what, known, status, words] of [
    ["no server is in", { refusal: "unavailable" }, 503, /No server of the model `m`/],
    ["no server has the model", { refusal: "unknown_model" }, 404, /`m` does not exist/],
    ["the last attempt failed", { failed: {} }, 502, /No server could answer/],
    [
      "no server was left after a failure",
      {
        failed: {},
        refusal: "unavailable",
      },
      502,
      /No server could answer/,
    ],
    ["the last attempt was silent", { failed: { expired: "silent" } }, 504, /within 7 s/],
    [
      "no server was left after a silence",
      {
        failed: { expired: "silent" },
        refusal: "unavailable",
      },
      504,
      /within 7 s/,
    ],
    ["the engine stood still", { failed: { expired: "stalled" } }, 502, /No server could answer/],
    ["there was no connection", { failed: { expired: "unreachable" } }, 502, /No server could/],
    ["the budget held it back", { failed: {}, heldBack: true }, 503, /so many requests/],
    [
      "the budget held it back after a silence",
      {
        failed: { expired: "silent" },
        heldBack: true,
      },
      503,
      /so many requests/,
    ],
    ["the time is over", { failed: { expired: "overdue" } }, 504, /longer than 60 s/],
    ["the router stops", { failed: { expired: "cut_off" } }, 503, /shutting down/],
  ] as [
    string,
    { failed?: { expired?: Expiry }; refusal?: Refusal; heldBack?: boolean },
    number,
    RegExp,
  ][]
) {
  Deno.test(`where ${what} the client gets ${status} and why`, () => {
    const { failed, refusal, heldBack = false } = known;
    const error = errors.noAnswer({
      failed: failed && { expired: failed.expired },
      refusal,
      heldBack,
      model: "m",
      settings: SETTINGS,
    });
    assert.equal(error.status, status);
    assert.match(error.message, words);
  });
}

Deno.test("who names no model is not told of one", () => {
  const error = errors.noAnswer({
    failed: undefined,
    refusal: "unavailable",
    heldBack: false,
    model: undefined,
    settings: SETTINGS,
  });
  assert.equal(error.message, "No server is available at the moment.");
});

Deno.test("the event of a broken stream stands apart from one that broke off in the middle", () => {
  const broken = new TextDecoder().decode(
    errors.errorEvent(errors.brokenStream(undefined, SETTINGS)),
  );
  const events = `data: {"choices":[{"del${broken}`.split("\n\n")
    .filter((event) => event !== "");
  assert.equal(events.length, 2);
  const { error } = JSON.parse(events[1]!.replace(/^data: /, ""));
  assert.equal(error.code, 502);
});
