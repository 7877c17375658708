import assert from "node:assert/strict";
import { errorStatusAt, isWhole } from "../../src/proxy/stream_end.ts";

const TOKEN = `data: {"choices":[{"delta":{"content":"x"}}]}\n\n`;
const DONE = "data: [DONE]\n\n";

for (const path of ["/v1/completions", "/v1/chat/completions", "/v1/chat/completions?a=b"]) {
  Deno.test(`a stream of ${path} that ended without [DONE] is not whole`, () => {
    assert.equal(isWhole(path, TOKEN + DONE), true);
    assert.equal(isWhole(path, `${TOKEN}data: [DONE]`), true);
    assert.equal(isWhole(path, `${TOKEN}data:[DONE]\r\n\r\n`), true);
    assert.equal(isWhole(path, TOKEN), false);
    assert.equal(isWhole(path, ""), false);
  });
}

Deno.test("a model that writes [DONE] does not end its stream", () => {
  const written = `data: {"choices":[{"delta":{"content":"data: [DONE]"}}]}\n\n`;
  assert.equal(isWhole("/v1/chat/completions", written), false);
  assert.equal(isWhole("/v1/chat/completions", written + DONE), true);
});

for (
  const path of ["/v1/messages", "/v1/responses", "/v1/audio/transcriptions", "/v1/completionsx"]
) {
  Deno.test(`a stream of ${path} need not end in [DONE]`, () => {
    assert.equal(isWhole(path, TOKEN), true);
  });
}

const FAILED = `data: {"error":{"message":"m","type":"InternalServerError","code":500}}\n\n`;

Deno.test("an error among the last events is found, though [DONE] follows it", () => {
  assert.equal(errorStatusAt(TOKEN + FAILED + DONE), 500);
  assert.equal(errorStatusAt(FAILED), 500);
});

Deno.test("an error is found where the text begins in the middle of an event", () => {
  assert.equal(errorStatusAt(`content":"x"}}]}\n\n${FAILED}${DONE}`), 500);
});

Deno.test("a stream without an error tells of none, whatever the model writes", () => {
  assert.equal(errorStatusAt(TOKEN + DONE), undefined);
  assert.equal(errorStatusAt(""), undefined);
  const written = `data: {"choices":[{"delta":{"content":"{\\"error\\":{\\"code\\":500}}"}}]}\n\n`;
  assert.equal(errorStatusAt(written + DONE), undefined);
  const quoted = `data: {"choices":[{"delta":{"content":"x"},"error":{"code":500}}]}\n\n`;
  assert.equal(errorStatusAt(quoted + DONE), undefined);
});
