import assert from "node:assert/strict";
import type { Refusal } from "../../../src/fleet/eligible.ts";
import type { Expiry } from "../../../src/proxy/attempt/outcome.ts";
import { brokenStream, noAnswer } from "../../../src/proxy/response/server_errors.ts";

const SETTINGS = { requestTimeoutMs: 7_000, chunkTimeoutMs: 1_500, totalTimeoutMs: 60_000 };

for (
  const [expired, status, words] of [
    ["silent", 504, /fell silent for 1\.5 s in the middle/],
    ["overdue", 504, /longer than 60 s/],
    ["cut_off", 503, /shutting down/],
    ["evicted", 502, /broke off in the middle/],
    ["stopped", 502, /The server stopped in the middle/],
    ["unreachable", 502, /broke off in the middle/],
    [undefined, 502, /broke off in the middle/],
  ] as const
) {
  Deno.test(`a stream that broke, ${expired ?? "by its server"}, is ${status}`, () => {
    const error = brokenStream(expired, SETTINGS);
    assert.equal(error.status, status);
    assert.match(error.message, words);
  });
}

for (
  const [what, known, status, words] of [
    ["no server is available", { refusal: "unavailable" }, 503, /No server of the model `m`/],
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
    ["the server left rotation", { failed: { expired: "evicted" } }, 502, /No server could answer/],
    ["there was no connection", { failed: { expired: "unreachable" } }, 502, /No server could/],
    ["the retry budget was spent", { failed: {}, retryDenied: true }, 503, /so many requests/],
    [
      "the retry budget was spent after a silence",
      {
        failed: { expired: "silent" },
        retryDenied: true,
      },
      503,
      /so many requests/,
    ],
    ["the total time is exceeded", { failed: { expired: "overdue" } }, 504, /longer than 60 s/],
    ["the router stops", { failed: { expired: "cut_off" } }, 503, /shutting down/],
  ] as [
    string,
    { failed?: { expired?: Expiry }; refusal?: Refusal; retryDenied?: boolean },
    number,
    RegExp,
  ][]
) {
  Deno.test(`if ${what}, the client gets ${status} and the reason`, () => {
    const { failed, refusal, retryDenied = false } = known;
    const error = noAnswer({
      failed: failed && { expired: failed.expired },
      refusal,
      retryDenied,
      model: "m",
      settings: SETTINGS,
    });
    assert.equal(error.status, status);
    assert.match(error.message, words);
  });
}

Deno.test("the error names no model if the request named none", () => {
  const error = noAnswer({
    failed: undefined,
    refusal: "unavailable",
    retryDenied: false,
    model: undefined,
    settings: SETTINGS,
  });
  assert.equal(error.message, "No server is available at the moment.");
});
