import assert from "node:assert/strict";
import { usedTokens } from "../../../src/proxy/quota/used_tokens.ts";
import { openRecord, type RequestRecord } from "../../../src/proxy/request_record.ts";
import { clientAs } from "../../support/client.ts";

const expected = { promptTokens: 100, completionTokens: 50 };
const usage = { promptTokens: 90, completionTokens: 20 };

const used = (record: Partial<RequestRecord>) =>
  usedTokens({
    ...openRecord({ id: "1", client: clientAs(), method: "POST", path: "/" }),
    expected,
    status: 200,
    attempts: 1,
    outcome: "ok",
    ...record,
  });

Deno.test("an answer has used what it reports, with and without a limit", () => {
  assert.deepEqual(used({ usage }), usage);
  assert.deepEqual(used({ usage, expected: undefined }), usage);
  assert.equal(used({ expected: undefined }), undefined);
});

Deno.test("an answer that reports nothing has used what was expected; a stream, what was counted", () => {
  assert.deepEqual(used({}), expected);
  assert.deepEqual(used({ stream: true, events: 7 }), { promptTokens: 100, completionTokens: 7 });
});

Deno.test("a stream that broke off, or whose client left, has used the prompt and what was streamed", () => {
  const streamed = { promptTokens: 100, completionTokens: 7 };
  assert.deepEqual(used({ stream: true, events: 7, outcome: "truncated" }), streamed);
  assert.deepEqual(used({ stream: true, events: 7, outcome: "client_closed" }), streamed);
  // The beginning of a stream of `/v1/messages` reports the prompt, and no answer yet.
  const begun = { promptTokens: 90, completionTokens: 0 };
  assert.deepEqual(used({ stream: true, events: 7, outcome: "timeout", usage: begun }), {
    promptTokens: 90,
    completionTokens: 7,
  });
  assert.deepEqual(used({ outcome: "client_closed", status: 499 }), {
    promptTokens: 100,
    completionTokens: 0,
  });
});

Deno.test("a request without an answer has used nothing", () => {
  assert.equal(used({ outcome: "client_error", status: 400 }), undefined);
  assert.equal(used({ outcome: "reset", status: 502 }), undefined);
  assert.equal(used({ outcome: "rejected", status: 429, attempts: 0 }), undefined);
  assert.equal(used({ outcome: "client_closed", status: 499, attempts: 0 }), undefined);
});
