import assert from "node:assert/strict";
import { BadChunk, decodeChunked, newChunkedScan } from "../../../src/http/h1/chunked.ts";
import { bytesOf } from "./parse_message.ts";

/** Decodes what arrives in pieces; `rest` was not used, `undefined` if the body did not end. */
function decoded(pieces: readonly string[]): { body: string; rest: string | undefined } {
  const scan = newChunkedScan();
  let body = "";
  for (const [nth, piece] of pieces.entries()) {
    // Around the piece is what must stay.
    const bytes = bytesOf(`<<${piece}>>`);
    const ended = decodeChunked(scan, bytes, 2, 2 + piece.length);
    const text = String.fromCharCode(...bytes);
    assert.equal(text.slice(0, 2), "<<");
    assert.equal(text.slice(2 + piece.length), ">>");
    body += text.slice(2, 2 + scan.data);
    if (ended) return { body, rest: [piece.slice(scan.used), ...pieces.slice(nth + 1)].join("") };
    assert.equal(scan.used, piece.length);
  }
  return { body, rest: undefined };
}

const ACCEPTED = [
  ["one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"],
  ["several", "5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n", "hello world"],
  ["none", "0\r\n\r\n", ""],
  ["line ends in the data", "c\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n\r\n0\r\n"],
  ["a size in capitals", `1A\r\n${"x".repeat(26)}\r\n0\r\n\r\n`, "x".repeat(26)],
  ["a size in small letters", `1a\r\n${"x".repeat(26)}\r\n0\r\n\r\n`, "x".repeat(26)],
  ["leading zeros", "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello"],
  ["an extension", "5;a\r\nhello\r\n0;b\r\n\r\n", "hello"],
  ["extensions with values", "5;a=b;c=d;e\r\nhello\r\n0\r\n\r\n", "hello"],
  ["a quoted extension", '5;a="b; \\"\\\\ \x80\t";c\r\nhello\r\n0\r\n\r\n', "hello"],
  ["an empty quoted extension", '5;a=""\r\nhello\r\n0\r\n\r\n', "hello"],
  ["a trailer", "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "hello"],
  ["several trailers", "0\r\na:\r\nb: c\r\nd:e: \xff\t\r\n\r\n", ""],
  [
    "trailers named almost like framing",
    "0\r\ncontent-lengthy: 1\r\nxcontent-length: 1\r\n\r\n",
    "",
  ],
] as const;
for (const [what, text, body] of ACCEPTED) {
  Deno.test(`a chunked body with ${what} is decoded, and what follows is left`, () => {
    assert.deepEqual(decoded([`${text}NEXT`]), { body, rest: "NEXT" });
  });
  Deno.test(`a chunked body with ${what} is decoded alike however it arrives`, () => {
    assert.deepEqual(decoded([...text, "NEXT"]), { body, rest: "NEXT" });
    for (let cut = 0; cut <= text.length; cut++) {
      assert.deepEqual(decoded([text.slice(0, cut), `${text.slice(cut)}NEXT`]), {
        body,
        rest: "NEXT",
      });
      const start = decoded([text.slice(0, cut)]);
      assert.ok(body.startsWith(start.body));
      assert.equal(start.rest === undefined, cut < text.length);
    }
  });
}

/** Each text ends with the byte for which it is refused. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  "a chunk without a size": ["\r", ";", " ", "g", "-", "+", "\n", "1\r\nx\r\n\r"],
  "a chunk's size that is not a number": [
    ...["5 ", "5\t", "5h", "5,", "5.", "0x", "5\n", "5\0", "5\xb2", "1\r\nx\r\n5 "],
  ],
  "a huge chunk": ["00000000000000000", "1000000000001", "fffffffffffff", "7ffffffffffff"],
  "a bad chunk extension": [
    ...["5; ", "5;;", "5;=", "5;\r", "5;(", "5;a ", "5;a\t", "5;a,", "5;a\n", "5;a\0", "5;a\x80"],
    ...["5;a= ", "5;a=;", "5;a=\r", "5;a==", '5;a=b"', "5;a=b ", '5;a="\r', '5;a="\n', '5;a="\0'],
    ...['5;a="\\\r', '5;a="\\\0', '5;a="b"c', '5;a="b" ', '5;a="b"\n', '5;a="b"='],
  ],
  "a line end that is not CR LF": [
    ...["5\rx", "5\r\r", "5;a\rx", "1\r\nx\rx", "1\r\nx\r\r", "0\r\n\rx", "0\r\na: b\rx", "0\r\r"],
  ],
  "a chunk longer than its size": ["1\r\nxx", "1\r\nx\n", "1\r\nx0"],
  "a bad trailer": [
    ...["0\r\n ", "0\r\n:", "0\r\n\n", "0\r\na ", "0\r\na\r", "0\r\na\xe9", "0\r\na: b\n"],
    ...["0\r\na: \0", "0\r\na: b\r\n ", "0\r\nContent-Length:", "0\r\na: b\r\ntransfer-encoding:"],
  ],
};
for (const [message, texts] of Object.entries(REFUSED)) {
  for (const text of texts) {
    Deno.test(`a chunked body is refused for ${message}, at once: ${JSON.stringify(text)}`, () => {
      assert.equal(decoded([text.slice(0, -1)]).rest, undefined);
      const refusal = { name: "BadChunk", message };
      assert.throws(() => decoded([text]), refusal);
      assert.throws(() => decoded([...text]), refusal);
    });
  }
}

Deno.test("the largest chunk is 16 to the 12th bytes", () => {
  const scan = newChunkedScan();
  const bytes = bytesOf("1000000000000\r\nx");
  assert.equal(decodeChunked(scan, bytes, 0, bytes.length), false);
  assert.equal(scan.left, 16 ** 12 - 1);
});

const LONG = "x".repeat(8 * 1024 - 1);

Deno.test("the extensions of one chunk, and all trailers, are limited to 8 KiB", () => {
  for (
    const [fits, exceeds] of [
      [`5;${LONG}\r`, `5;${LONG}x\r`],
      [`5;a="${LONG.slice(4)}"\r`, `5;a="${LONG.slice(3)}"\r`],
      [`0\r\n${LONG}:`, `0\r\n${LONG}x:`],
      [`0\r\na:${LONG.slice(2)}\r`, `0\r\na:${LONG.slice(1)}\r`],
      [`0\r\n${"a: b\r\n".repeat(1_638)}`, `0\r\n${"a: b\r\n".repeat(1_640)}`],
    ] as const
  ) {
    assert.equal(decoded([fits]).rest, undefined);
    assert.throws(() => decoded([exceeds]), { message: "long extensions or trailers" });
  }
});

Deno.test("each chunk may have extensions again", () => {
  const chunk = `1;${LONG}\r\nx\r\n`;
  assert.deepEqual(decoded([`${chunk.repeat(3)}0;${LONG}\r\na:${LONG.slice(10)}\r\n\r\n`]), {
    body: "xxx",
    rest: "",
  });
});

Deno.test("data is one piece where the bytes began, whatever stood between its chunks", () => {
  const bytes = bytesOf("3;ext=1\r\nabc\r\n2\r\nde\r\n4\r\nfg");
  const scan = newChunkedScan();
  assert.equal(decodeChunked(scan, bytes, 0, bytes.length), false);
  assert.equal(String.fromCharCode(...bytes.subarray(0, scan.data)), "abcdefg");
  assert.equal(scan.left, 2);
});

Deno.test("a bad chunk is an error of its own", () => {
  assert.throws(() => decoded(["x"]), BadChunk);
});
