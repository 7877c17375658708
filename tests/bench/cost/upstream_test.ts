import assert from "node:assert/strict";
import { promptOf, requestBytes } from "../../../bench/cost/load/request_bytes.ts";
import { eventChunk, sentAtMs } from "../../../bench/cost/upstream/event.ts";
import { ANSWER } from "../../../bench/cost/upstream/pages.ts";
import { parseRequest } from "../../../bench/cost/upstream/request.ts";

const decoder = new TextDecoder();

Deno.test("the upstream waits for the whole request and reads what it asks for", () => {
  const bytes = requestBytes({ stream: true, promptBytes: 100 });
  assert.equal(parseRequest(bytes.subarray(0, 30)), undefined);
  assert.equal(parseRequest(bytes.subarray(0, -1)), undefined);
  assert.deepEqual(parseRequest(bytes), {
    method: "POST",
    path: "/v1/chat/completions",
    wantsStream: true,
    wantsIds: false,
  });
  assert.equal(parseRequest(requestBytes({}))!.wantsStream, false);
});

Deno.test("the upstream takes a body in chunks as well", () => {
  const head = "POST /v1/completions?a=b HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
  const parse = (text: string) => parseRequest(new TextEncoder().encode(text));
  assert.equal(parse(`${head}2\r\n{}\r\n`), undefined);
  assert.equal(parse(`${head}2\r\n{}\r\n0\r\n\r\n`)!.path, "/v1/completions");
});

Deno.test("an answer is 1 KB of JSON", () => {
  const [, body] = decoder.decode(ANSWER).split("\r\n\r\n");
  assert.equal(body!.length, 1024);
  assert.equal(JSON.parse(body!).object, "chat.completion");
});

Deno.test("an event is a chunk that states when it was written", () => {
  const chunk = eventChunk(1_795_826_416_123.4567);
  const [size, event] = chunk.split("\r\n");
  assert.equal(parseInt(size!, 16), event!.length);
  assert.ok(event!.startsWith("data: {") && event!.endsWith("}\n\n"));
  assert.deepEqual(sentAtMs(chunk + eventChunk(2)), [1_795_826_416_123.457, 2]);
});

Deno.test("a prompt has its length, and variants differ only after a common beginning", () => {
  const [one, other] = [promptOf(8192, 1), promptOf(8192, 2)];
  assert.equal(one.length, 8192);
  assert.equal(one.slice(0, 2048), other.slice(0, 2048));
  assert.notEqual(one.slice(2100, 2200), other.slice(2100, 2200));
  assert.equal(promptOf(8192, 1), one);
});
