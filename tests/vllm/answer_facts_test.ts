import assert from "node:assert/strict";
import { finishReasonsIn, idIn } from "../../src/vllm/answer_facts.ts";
import { capturedAs, wholeCaptured } from "./captured.ts";

const encoder = new TextEncoder();
const bytesOf = (value: unknown) => encoder.encode(JSON.stringify(value));

Deno.test("the id and the finish reason of a real server's answers are read", () => {
  for (
    const [name, dialect, id, reason] of [
      ["chat", "completions", "chatcmpl-bdb8296bb1b27fe3", "length"],
      ["completions", "completions", "cmpl-99140a5f5a1c1d97", "length"],
      ["messages", "messages", "chatcmpl-840e3871275dbd94", "max_tokens"],
      ["responses", "responses", "resp_931aab9d5066428f", "incomplete"],
    ] as const
  ) {
    const answer = wholeCaptured(name);
    assert.equal(idIn(answer), id);
    assert.deepEqual(finishReasonsIn(answer, dialect), [reason]);
  }
});

Deno.test("a stream's first event has its id", () => {
  assert.equal(idIn(capturedAs("chat-plain").bytes), "chatcmpl-9b51191bad49090c");
  assert.equal(idIn(capturedAs("messages").bytes), "chatcmpl-90fec812c62a6f8b");
});

Deno.test("each choice has its reason, in their order", () => {
  const choices = ["stop", "length"].map((finish_reason, index) => ({
    index,
    message: { content: `"finish_reason":"generated"` },
    finish_reason,
  }));
  assert.deepEqual(finishReasonsIn(bytesOf({ choices }), "completions"), ["stop", "length"]);
});

Deno.test("the last status of a response is its own, and one that goes on has none", () => {
  const output = [{ type: "message", status: "completed" }];
  const read = (answer: object) => finishReasonsIn(bytesOf(answer), "responses");
  assert.deepEqual(read({ output, status: "incomplete" }), ["incomplete"]);
  assert.deepEqual(read({ output: [], status: "queued" }), []);
});

Deno.test("an answer without an id or a reason has none", () => {
  for (const answer of ["", "{}", `{"id":null}`, `{"id":7,"choices":[{"finish_reason":null}]}`]) {
    assert.equal(idIn(encoder.encode(answer)), undefined, answer);
    assert.deepEqual(finishReasonsIn(encoder.encode(answer), "completions"), [], answer);
  }
  assert.equal(idIn(undefined), undefined);
});

Deno.test("only the beginning and the end of an answer are searched", () => {
  const far = " ".repeat(20_000);
  assert.equal(idIn(encoder.encode(`{${far}"id":"1"`)), undefined);
  const reason = encoder.encode(`"finish_reason":"stop"${far}`);
  assert.deepEqual(finishReasonsIn(reason, "completions"), []);
});
