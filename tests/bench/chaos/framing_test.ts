import assert from "node:assert/strict";
import { bodyReader, headOf } from "../../../bench/chaos/framing.ts";

Deno.test("a head is there when its blank line is", () => {
  assert.equal(headOf("HTTP/1.1 200 OK\r\nA: b\r\n"), undefined);
  const head = headOf("HTTP/1.1 503 Service Unavailable\r\nRetry-After:  2\r\n\r\nrest")!;
  assert.deepEqual([head.status, head.headers.get("retry-after")], [503, "2"]);
  assert.equal(
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After:  2\r\n\r\nrest".slice(head.length),
    "rest",
  );
});

Deno.test("chunks come out whole wherever they were cut", () => {
  const framed = "5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n";
  for (let cut = 0; cut <= framed.length; cut++) {
    const reader = bodyReader(new Map([["transfer-encoding", "chunked"]]));
    reader.take(framed.slice(0, cut));
    assert.equal(reader.isWhole(), cut === framed.length);
    reader.take(framed.slice(cut));
    assert.deepEqual([reader.body(), reader.isWhole()], ["hello world", true]);
  }
});

Deno.test("a body of a length is whole when it is there, one without never", () => {
  const reader = bodyReader(new Map([["content-length", "4"]]));
  reader.take("abc");
  assert.equal(reader.isWhole(), false);
  reader.take("d");
  assert.equal(reader.isWhole(), true);
  assert.equal(bodyReader(new Map()).isWhole(), false);
});
