import {
  BODY,
  CHAT,
  cut,
  type Fate,
  forwarded,
  HIDDEN,
  LENGTH,
  post,
  refused,
  refusedAs,
  type Row,
  strictly,
  turnedAway,
  waits,
  withLines,
} from "./request.ts";

const chunked = (body: string, ...lines: string[]) =>
  post({ lines: ["Transfer-Encoding: chunked", ...lines], body });
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const IN_CHUNKS = `${chunk(BODY)}0\r\n\r\n`;
const encodedAs = (value: string) =>
  post({ lines: [`Transfer-Encoding: ${value}`], body: IN_CHUNKS });
/** Rejected because of its declared length. */
const tooLarge: Fate = { ...turnedAway(413), then: "waits" };
const longAs = (value: string) => post({ lines: [`Content-Length: ${value}`] });

/** Requests with different claims about where they end. */
export const lengths: readonly Row[] = [
  [
    "CL.TE: a length that covers a hidden request after the last chunk",
    post({
      lines: [`Content-Length: ${HIDDEN.length + 5}`, "Transfer-Encoding: chunked"],
      body: `0\r\n\r\n${HIDDEN}`,
    }),
    refused,
  ],
  [
    "TE.CL: chunks that cover a hidden request past the declared length",
    post({
      lines: ["Transfer-Encoding: chunked", "Content-Length: 4"],
      body: `${chunk(HIDDEN)}0\r\n\r\n`,
    }),
    refused,
  ],
  [
    "Content-Length: 0 with Transfer-Encoding",
    post({ lines: ["Content-Length: 0", "Transfer-Encoding: chunked"], body: IN_CHUNKS }),
    refused,
  ],
  ["two lengths that differ", post({ lines: [LENGTH, "Content-Length: 3"] }), refused],
  ["two lengths that agree", post({ lines: [LENGTH, LENGTH] }), strictly(400, forwarded())],
  [
    "three lengths of which the last differs",
    post({ lines: [LENGTH, LENGTH, "Content-Length: 0"] }),
    refused,
  ],
  ["a list of lengths that agree", longAs("7, 7"), refused],
  ["a list of lengths that differ", longAs("7, 8"), refused],
  ["a length with a plus", longAs("+7"), refused],
  ["a negative length", longAs("-7"), refused],
  ["a length in hexadecimal", longAs("0x7"), refused],
  ["a length with an exponent", longAs("7e0"), refused],
  ["a length with a fraction", longAs("7.0"), refused],
  ["a length with a space in it", longAs("0 7"), refused],
  ["a length with an underscore", longAs("0_7"), refused],
  ["a length in digits of another script", longAs("\xd9\xa7"), refused],
  ["an empty length", longAs(""), refused],
  ["a length with leading zeros", longAs("0007"), forwarded()],
  ["a length beyond 64 bits", longAs("18446744073709551623"), refused],
  ["the largest length of 64 bits", longAs("18446744073709551615"), strictly(400, tooLarge)],
  [
    "a length beyond what a double holds exactly",
    longAs("9007199254740993"),
    strictly(400, tooLarge),
  ],
  ["the largest length that is read", longAs("999999999999999"), tooLarge],
  ["a length greater than the body", longAs("8"), waits],
  [
    "a length less than the body, the rest not being a request",
    post({ lines: ["Content-Length: 2"], body: "{}GARBAGE\r\n\r\n" }),
    { ...forwarded({ body: "{}", then: "closed" }), answers: [200, 400] },
  ],
  [
    "a length less than the body, the rest being a request",
    post({ lines: ["Content-Length: 2"], body: `{}${HIDDEN}` }),
    { ...forwarded({ body: "{}" }), answers: [200, 404] },
  ],
  [
    "a hidden request after the last chunk",
    chunked(`${chunk("{}")}0\r\n\r\n${HIDDEN}`),
    { ...forwarded({ body: "{}" }), answers: [200, 404] },
  ],
  [
    "a hidden request after one that closes the connection",
    post({ lines: ["Connection: close", "Content-Length: 2"], body: `{}${HIDDEN}` }),
    forwarded({ body: "{}", then: "closed" }),
  ],
  [
    "a hidden request after one rejected unread",
    post({ line: "POST /nowhere HTTP/1.1", lines: ["Content-Length: 2"], body: `{}${HIDDEN}` }),
    { ...turnedAway(404), answers: [404, 404] },
  ],
  [
    "a hidden request after one that was rejected",
    post({ lines: ["Content-Length: 2"], body: `[]${HIDDEN}` }),
    { ...turnedAway(400), answers: [400, 404] },
  ],
  [
    "a length under another name",
    post({ lines: ["Content_Length: 7"], body: "" }),
    turnedAway(400),
  ],
  ["a length with a space before the colon", post({ lines: ["Content-Length : 7"] }), refused],
  ["no length and no chunks", post({ lines: [], body: "" }), turnedAway(400)],
];

export const encodings: readonly Row[] = [
  ["valid chunks", encodedAs("chunked"), forwarded()],
  ["chunked in upper case", encodedAs("CHUNKED"), forwarded()],
  ["chunked after a tab", encodedAs("\tchunked\t"), strictly(400, forwarded())],
  ["an unknown encoding", encodedAs("xchunked"), refusedAs(501)],
  ["chunked before another encoding", encodedAs("chunked, identity"), refusedAs(501)],
  ["identity before chunked", encodedAs("identity, chunked"), refusedAs(501)],
  ["identity alone", encodedAs("identity"), refusedAs(501)],
  ["chunked twice in one line", encodedAs("chunked, chunked"), refusedAs(501)],
  ["chunked in quotes", encodedAs(`"chunked"`), refusedAs(501)],
  ["chunked after a vertical tab", encodedAs("\x0bchunked"), refused],
  ["chunked after a NUL", encodedAs("\0chunked"), refused],
  ["chunked with a parameter", encodedAs("chunked;a=b"), refusedAs(501)],
  ["an empty encoding", encodedAs(""), refusedAs(501)],
  [
    "chunked with a space before the colon",
    post({ lines: ["Transfer-Encoding : chunked"], body: IN_CHUNKS }),
    refused,
  ],
  [
    "chunked on a folded line",
    post({ lines: ["Transfer-Encoding:\r\n chunked"], body: IN_CHUNKS }),
    refused,
  ],
  ["chunked in two lines", chunked(IN_CHUNKS, "Transfer-Encoding: chunked"), refusedAs(501)],
  [
    "chunked and another encoding in two lines",
    chunked(IN_CHUNKS, "Transfer-Encoding: x"),
    refusedAs(501),
  ],
  [
    "chunks in HTTP/1.0",
    post({ line: `POST ${CHAT} HTTP/1.0`, lines: ["Transfer-Encoding: chunked"], body: IN_CHUNKS }),
    refusedAs(501),
  ],
  [
    "gzip in Transfer-Encoding, which is not decoded",
    encodedAs("gzip, chunked"),
    strictly(501, forwarded()),
  ],
];

export const chunks: readonly Row[] = [
  ["a chunk's extension", chunked(`7;a=b;c="d"\r\n${BODY}\r\n0\r\n\r\n`), forwarded()],
  ["an extension that ends in bare LF", chunked(`7;a\n${BODY}\r\n0\r\n\r\n`), cut],
  ["an extension with a bare CR", chunked(`7;a\rb\r\n${BODY}\r\n0\r\n\r\n`), cut],
  [
    "an extension of 20,000 bytes",
    chunked(`7;${"a".repeat(20_000)}\r\n${BODY}\r\n0\r\n\r\n`),
    { own: cut, deno: waits },
  ],
  ["chunk lines that end in bare LF", chunked(`7\n${BODY}\n0\n\n`), { own: cut, deno: waits }],
  ["a chunk that ends in bare LF", chunked(`7\r\n${BODY}\n0\r\n\r\n`), cut],
  ["a chunk longer than declared", chunked(`7\r\n${BODY}xx\r\n0\r\n\r\n`), cut],
  ["a chunk shorter than declared", chunked(`8\r\n${BODY}\r\n0\r\n\r\n`), cut],
  ["a negative chunk size", chunked(`-7\r\n${BODY}\r\n0\r\n\r\n`), cut],
  ["a chunk size with a plus", chunked(`+7\r\n${BODY}\r\n0\r\n\r\n`), cut],
  ["a chunk size with 0x", chunked(`0x7\r\n${BODY}\r\n0\r\n\r\n`), cut],
  ["a chunk size with a space before it", chunked(` 7\r\n${BODY}\r\n0\r\n\r\n`), {
    own: cut,
    deno: forwarded(),
  }],
  ["a chunk size with a space after it", chunked(`7 \r\n${BODY}\r\n0\r\n\r\n`), {
    own: cut,
    deno: forwarded(),
  }],
  ["a chunk size with a space in it", chunked(`0 7\r\n${BODY}\r\n0\r\n\r\n`), cut],
  [
    "a chunk size with many zeros",
    chunked(`${"0".repeat(30)}7\r\n${BODY}\r\n0\r\n\r\n`),
    { own: cut, deno: forwarded() },
  ],
  ["an invalid chunk size", chunked(`g\r\n${BODY}\r\n0\r\n\r\n`), cut],
  ["an empty chunk size", chunked(`\r\n${BODY}\r\n0\r\n\r\n`), cut],
  [
    "a chunk size that wraps around 64 bits",
    chunked(`10000000000000007\r\n${BODY}\r\n0\r\n\r\n`),
    cut,
  ],
  ["a chunk size of 64 bits", chunked(`ffffffffffffffff\r\n${BODY}\r\n0\r\n\r\n`), {
    own: cut,
    deno: waits,
  }],
  ["a chunk that never ends", chunked(`7\r\n{"a"`), waits],
  ["no last chunk", chunked(chunk(BODY)), waits],
  [
    "trailers that would change the body's framing",
    chunked(`${chunk(BODY)}0\r\nContent-Length: 0\r\nHost: evil\r\nAuthorization: x\r\n\r\n`),
    { own: cut, deno: forwarded() },
  ],
  ["harmless trailers", chunked(`${chunk(BODY)}0\r\nX-Sum: 1\r\nX-B: c\r\n\r\n`), forwarded()],
  ["a malformed trailer", chunked(`${chunk(BODY)}0\r\nnot a trailer\r\n\r\n`), cut],
  ["a folded trailer", chunked(`${chunk(BODY)}0\r\nX: a\r\n b\r\n\r\n`), cut],
  ["a hidden request as a trailer", chunked(`${chunk(BODY)}0\r\n${HIDDEN}`), cut],
];

export const bodies: readonly Row[] = [
  [
    "a hidden request within the body",
    post({ lines: [`Content-Length: ${HIDDEN.length}`], body: HIDDEN }),
    turnedAway(400),
  ],
  [
    "a NUL in the body",
    post({ lines: ["Content-Length: 9"], body: `{"a":"\0"}` }),
    turnedAway(400),
  ],
  [
    "a body that is not UTF-8",
    post({ lines: ["Content-Length: 9"], body: `{"a":"\xff"}` }),
    turnedAway(400),
  ],
  [
    "100,000 nested lists",
    post({ lines: ["Content-Length: 100000"], body: "[".repeat(100_000) }),
    turnedAway(400),
  ],
  [
    "a form with a non-ASCII boundary",
    withLines("Content-Type: multipart/form-data; boundary=\xff"),
    turnedAway(400),
  ],
  ["a form without a boundary", withLines("Content-Type: multipart/form-data"), turnedAway(400)],
];
