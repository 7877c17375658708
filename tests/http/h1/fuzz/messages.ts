import type { Kind } from "../parse_message.ts";
import type { Chance } from "./chance.ts";

/** Valid messages, as the clients and servers of this router send them. Each character is a byte. */

const METHODS = ["GET", "HEAD", "POST", "POST", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const TARGETS = [
  "/",
  "/v1/chat/completions",
  "/v1/models",
  "/v1/responses/resp_1?stream=true&a[]=1",
  "/a%20b/../c;d=e?f=g/h?i",
  "http://a.example/v1/embeddings",
  "HTTP://a.example:8080?q",
  "https://[::1]:8443/x",
  "http://a.example",
];
const STATUSES = [
  "200 OK",
  "200 OK",
  "200 ",
  "200",
  "100 Continue",
  "103 Early Hints",
  "201 Created",
  "204 No Content",
  "206 Partial Content",
  "302 Found",
  "304 Not Modified",
  "400 Bad Request",
  "404 Nicht gefunden, na\xefve\tgasp",
  "429 Too Many Requests",
  "503 Service Unavailable",
  "599 ",
];
const FIELDS = [
  "User-Agent: OpenAI/Python 2.1.0",
  "accept: */*",
  "Accept-Encoding: gzip, deflate, br",
  "Content-Type: application/json",
  "content-type:text/event-stream; charset=utf-8",
  "Authorization: Bearer sk-0123456789abcdef",
  "X-Request-Id: \t spaced \t out   ",
  "x-empty:",
  "X-Blank:  ",
  "x!#$%&'*+-.^_`|~9: every character of a token",
  "X-Latin: caf\xe9 \x80\xff",
  'X-Quoted: "a, b\\"c"; d=e',
  "Connection: keep-alive",
  "Connection: close",
  "connection: Keep-Alive, X-Hop",
  "Connection: Upgrade",
  "Upgrade: h2c",
  "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
  "TE: trailers",
  "Trailer: X-Sum",
  "Date: Sun, 06 Nov 1994 08:49:37 GMT",
  "Server: uvicorn",
  "Set-Cookie: a=b; Path=/",
  "Set-Cookie: c=d",
  "Via: 1.1 vegur",
];
const BODIES = [
  "",
  "x",
  "hello world",
  '{"model":"m","messages":[]}',
  "data: a\r\n\r\n",
  "\r\n0\r\n\r\n",
];
const EXTENSIONS = [";a", ";a=b", ';a="b c"', ';a="\\"";b', ";ieof;x=1"];
const TRAILERS = ["X-Sum: 1\r\n", "x-empty:\r\n", "X-A: b\r\nX-B:  c \r\n"];

/** Encodes a body in chunks. */
export function chunked(chance: Chance, body: string): string {
  let text = "";
  for (let at = 0; at < body.length;) {
    const size = 1 + chance.below(body.length - at);
    const digits = size.toString(16);
    text += (chance.happens(0.3) ? digits.toUpperCase().padStart(4, "0") : digits) +
      (chance.happens(0.1) ? chance.pick(EXTENSIONS) : "") +
      `\r\n${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  const last = chance.happens(0.1) ? `00${chance.pick(EXTENSIONS)}` : "0";
  return `${text}${last}\r\n${chance.happens(0.2) ? chance.pick(TRAILERS) : ""}\r\n`;
}

function startLine(kind: Kind, chance: Chance, version: string): string {
  if (kind === "response") return `${version} ${chance.pick(STATUSES)}`;
  const method = chance.pick(METHODS);
  const target = method === "OPTIONS" && chance.happens(0.5) ? "*" : chance.pick(TARGETS);
  return `${method} ${target} ${version}`;
}

/** Generates a valid message. */
export function validMessage(kind: Kind, chance: Chance): string {
  const version = chance.happens(0.1) ? "HTTP/1.0" : "HTTP/1.1";
  const lines = [startLine(kind, chance, version)];
  if (kind === "request") {
    lines.push(`${chance.pick(["Host", "host"])}: ${chance.pick(["a.example", "127.0.0.1:80"])}`);
    if (chance.happens(0.05)) lines.push("Expect: 100-continue");
  }
  for (let n = chance.below(5); n > 0; n--) lines.push(chance.pick(FIELDS));
  let body = chance.pick(BODIES).repeat(chance.happens(0.1) ? 1 + chance.below(20) : 1);
  // An interim answer declares no body.
  const framing = /^HTTP\S+ 1/.test(lines[0]!) ? 2 : chance.below(3);
  if (framing === 0 && version === "HTTP/1.1") {
    lines.splice(1 + chance.below(lines.length), 0, "Transfer-Encoding: chunked");
    body = chunked(chance, body);
  } else if (framing === 1 || (kind === "request" && body !== "" && chance.happens(0.5))) {
    lines.splice(1 + chance.below(lines.length), 0, `Content-Length: ${body.length}`);
  } else if (kind === "request") body = "";
  if (kind === "response" && /^HTTP\/1\.. (1|204|304)/.test(lines[0]!)) body = "";
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
