import {
  CHAT,
  forwarded,
  LENGTH,
  post,
  refused,
  refusedAs,
  type Row,
  strictly,
  tooLong,
  turnedAway,
  withLines,
} from "./request.ts";

export const lineEnds: readonly Row[] = [
  ["bare LF line endings", post().replaceAll("\r\n", "\n"), strictly(400, forwarded())],
  [
    "one header with a bare LF line ending",
    post().replace("router\r\n", "router\n"),
    strictly(400, forwarded()),
  ],
  ["bare CR line endings", post().replaceAll("\r\n", "\r"), refused],
  ["a bare CR in a value", withLines("X-A: a\rX-B: b"), refused],
  [
    "a bare LF that hides a header in a value",
    withLines("X-A: a\nTransfer-Encoding: chunked"),
    refused,
  ],
  ["CR CR LF", post().replace("router\r\n", "router\r\r\n"), refused],
  ["a folded value", withLines("X-A: a\r\n b"), refused],
  ["a value folded with a tab", withLines("X-A: a\r\n\tb"), refused],
  ["a folded length", post({ lines: ["Content-Length:\r\n 7"] }), refused],
  ["a fold before the first header", post({ host: " Host: router" }), refused],
  ["empty lines before the request", `\r\n\r\n${post()}`, forwarded()],
  ["bare LFs before the request", `\n\n${post()}`, strictly(400, forwarded())],
  ["a space before the request", ` ${post()}`, refused],
  ["a NUL before the request", `\0${post()}`, refused],
];

export const headers: readonly Row[] = [
  ["a NUL in a value", withLines("X-A: a\0b"), refused],
  ["a NUL at a value's end", withLines("X-A: a\0"), refused],
  ["a control character in a value", withLines("X-A: a\x01b"), refused],
  ["an escape in a value", withLines("X-Request-Id: \x1b[2J"), refused],
  ["a DEL in a value", withLines("X-A: a\x7fb"), refused],
  ["a vertical tab in a value", withLines("X-A: a\x0bb"), refused],
  ["non-ASCII bytes in a value", withLines("X-A: \xe9\xff"), forwarded()],
  ["a NUL in a name", withLines("X\0A: a"), refused],
  ["a control character in a name", withLines("X\x01A: a"), refused],
  ["a non-ASCII byte in a name", withLines("X\xffA: a"), refused],
  ["a space in a name", withLines("X A: a"), refused],
  ["a space before the colon", withLines("X-A : a"), refused],
  ["a tab before the colon", withLines("X-A\t: a"), refused],
  ["a parenthesis in a name", withLines("X(A): a"), refused],
  ["a quote in a name", withLines(`"X-A": a`), refused],
  ["an empty name", withLines(": a"), refused],
  ["a header without a colon", withLines("X-A"), refused],
  ["an empty value", withLines("X-A:"), forwarded()],
  ["a name of 40,000 bytes", withLines(`${"x".repeat(40_000)}: a`), turnedAway(431)],
  ["a value of 40,000 bytes", withLines(`X-A: ${"x".repeat(40_000)}`), turnedAway(431)],
  ["a value of 70,000 bytes", withLines(`X-A: ${"x".repeat(70_000)}`), tooLong],
  ["a name of 70,000 bytes", withLines(`${"x".repeat(70_000)}: a`), tooLong],
  [
    "70,000 bytes of headers",
    withLines(...Array.from({ length: 70 }, (_, i) => `X-${i}: ${"x".repeat(1_000)}`)),
    tooLong,
  ],
  [
    "120 headers, which the parser takes",
    withLines(...Array.from({ length: 120 }, (_, i) => `X-${i}: a`)),
    turnedAway(431),
  ],
  [
    "forwarding headers from a client",
    withLines("X-Forwarded-For: 10.0.0.1", "X-Real-Ip: 10.0.0.1", "Forwarded: for=10.0.0.1"),
    forwarded(),
  ],
  [
    "a load report format from a client",
    withLines("Endpoint-Load-Metrics-Format: TEXT"),
    forwarded(),
  ],
  [
    "1,000 headers",
    withLines(...Array.from({ length: 1_000 }, (_, i) => `X-${i}: a`)),
    refusedAs(431),
  ],
  [
    "one header 1,000 times",
    withLines(...Array.from({ length: 1_000 }, () => "X: a")),
    refusedAs(431),
  ],
  [
    "hop-by-hop headers, and others named in Connection",
    withLines(
      "Connection: x-secret, keep-alive, close",
      "X-Secret: 1",
      "Keep-Alive: timeout=1",
      "TE: trailers",
      "Trailer: X",
      "Proxy-Authorization: Basic x",
      "Proxy-Connection: keep-alive",
    ),
    forwarded({ then: "closed" }),
  ],
  [
    "Connection that names what the router needs",
    withLines(
      "Connection: content-length, content-type, host, authorization",
      "Authorization: Bearer x",
    ),
    forwarded(),
  ],
  [
    "a data-parallel rank",
    withLines("X-Data-Parallel-Rank: 0", "x-data-parallel-rank: 1"),
    forwarded(),
  ],
  ["an id twice", withLines("X-Request-Id: a", "X-Request-Id: b"), forwarded()],
  [
    "a type twice",
    withLines("Content-Type: application/json", "Content-Type: text/plain"),
    forwarded(),
  ],
  ["two keys", withLines("Authorization: Bearer a", "Authorization: Bearer b"), forwarded()],
];

export const upgrades: readonly Row[] = [
  [
    "a WebSocket to an inference path",
    post({
      line: `GET ${CHAT} HTTP/1.1`,
      lines: [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ],
      body: "",
    }),
    turnedAway(501),
  ],
  [
    "a WebSocket to the realtime path without a key",
    post({
      line: "GET /v1/realtime HTTP/1.1",
      lines: ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
      body: "",
    }),
    turnedAway(400),
  ],
  [
    "an upgrade to HTTP/2 by a request with a body",
    withLines(
      "Connection: Upgrade, HTTP2-Settings",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABkAAQAAP__",
    ),
    { own: forwarded(), deno: refused },
  ],
  [
    "an upgrade to something else",
    withLines("Connection: Upgrade", "Upgrade: foo/1"),
    { own: forwarded(), deno: refused },
  ],
  [
    "Expect: 100-continue with the body sent at once",
    withLines("Expect: 100-continue"),
    forwarded(),
  ],
  [
    "Expect: 100-continue in HTTP/1.0",
    post({ line: `POST ${CHAT} HTTP/1.0`, lines: ["Expect: 100-continue", LENGTH] }),
    forwarded({ then: "closed" }),
  ],
  ["an unknown expectation", withLines("Expect: the-unexpected"), strictly(417, forwarded())],
];
