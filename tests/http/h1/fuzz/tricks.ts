import type { Kind } from "../parse_message.ts";
import type { Chance } from "./chance.ts";

/** Splits at a character that no trick needs. */
const list = (text: string) => text.split("¦");

/** Bytes that mean something to some parser. */
export const BYTES =
  "\0\x01\t\n\v\f\r\x1b !\"#%'()*+,-./0159:;=?@AFZ[\\]_`afgz{|}~\x7f\x80\x85\xa0\xad\xc3\xff";

/** Values of `Content-Length`. */
export const LENGTHS = list(
  "0¦00¦1¦5¦05¦+5¦-5¦0x5¦5.¦5e0¦5_¦5,5¦5,¦,5¦5;¦99¦1099511627776¦999999999999999¦" +
    "9999999999999999¦18446744073709551616¦18446744073709551621¦184467440737095516160005¦" +
    '5, 5¦5 5¦5\t¦5 ¦\t5¦¦ ¦"5"¦\xb2¦5\v¦0, 5¦five¦NaN',
);
/** Values of `Transfer-Encoding`. */
export const CODINGS = list(
  "chunked¦Chunked¦CHUNKED¦chunked ¦chunked\t¦\tchunked¦chunked,¦,chunked¦" +
    "chunked, chunked¦gzip, chunked¦chunked, gzip¦gzip¦identity¦x-chunked¦chunke¦" +
    'chunkedx¦"chunked"¦chunked;q=1¦chunked; a¦¦chunked\v¦chunked\x80¦c hunked¦' +
    "identity, chunked¦chunked, identity¦chunked\xa0¦trailers, chunked¦" +
    "\xe2\x80\x8bchunked",
);
const HOSTS = list(
  "¦b.example¦a b¦a,b¦user@a¦a/b¦a:b:c¦[::1]¦a.example:¦a\tb¦\xe9",
);
const CONNECTIONS = list(
  "close¦keep-alive¦close, keep-alive¦upgrade¦x, close¦,close,¦CLOSE¦" +
    "close\t¦close;¦keep-alive, upgrade¦Transfer-Encoding¦clos¦closed",
);
const EXPECTATIONS = list(
  "100-continue¦100-Continue¦100-continue, x¦¦200-ok",
);
const TRICK_FIELDS = list(
  "no colon¦: no name¦sp ace: x¦tab\t: x¦space : x¦ folded¦\tfolded¦x:y:z¦x\x00: y¦" +
    "x: \x00¦x: a\rb¦x: a\nb¦x: \x7f¦x: \x01¦(x): y¦x\xe9: y¦x: \x85¦x¦:¦\xa0x: y¦" +
    "Content_Length: 5¦Content-Length\t: 5¦Content-Length : 5¦" +
    "Transfer-Encoding : chunked¦\x00Transfer-Encoding: chunked¦" +
    "Transfer_Encoding: chunked¦Proxy-Connection: keep-alive¦Upgrade: websocket¦" +
    "Sec-WebSocket-Key: x",
).concat(`x-long: ${"y".repeat(600)}`);

/** A header field that parsers may take differently. */
export function trickField(chance: Chance): string {
  const of = (names: readonly string[], values: readonly string[]) =>
    `${chance.pick(names)}:${chance.happens(0.8) ? " " : ""}${chance.pick(values)}`;
  switch (chance.below(6)) {
    case 0:
      return of(["Content-Length", "content-length", "CONTENT-LENGTH"], LENGTHS);
    case 1:
      return of(["Transfer-Encoding", "transfer-encoding"], CODINGS);
    case 2:
      return of(["Host", "HOST"], HOSTS);
    case 3:
      return of(["Connection", "connection"], CONNECTIONS);
    case 4:
      return of(["Expect", "expect"], EXPECTATIONS);
    default:
      return chance.pick(TRICK_FIELDS);
  }
}

/** Lines with the size of a chunk; the first `5` stands for the right size. */
export const CHUNK_SIZES = list(
  '0¦1¦5¦05¦5;¦5;a=¦5;=¦5;;¦5;a=b;c¦5;a="¦5;a="b"c¦5;a=b"c"¦5,5¦0x5¦+5¦-5¦5h¦g¦' +
    'fffffffff¦¦ 5¦5 ¦5\t¦5 ;a¦5; a¦5;a =b¦5;a= b¦5;a\x00¦5;\x80¦5;a="\x80"¦5;a="\\"¦' +
    "10000000000000000¦ffffffffffffffff¦7fffffffffffffff¦1000000000000¦0000000000000005¦" +
    '00000000000000005¦5\r¦5;a\rb¦5;a\nb¦5;a="\r"¦5;a="\n"¦5;a=b;¦5;(¦5;a="b" ¦5;\t',
);
/** Lines after the last chunk. */
export const TRAILER_TRICKS = list(
  "x: y¦x¦: y¦ folded¦x : y¦x: a\x00¦x: a\rb¦x: a\nb¦Content-Length: 5¦Host: b¦" +
    "Transfer-Encoding: chunked¦Connection: close¦x\xe9: y¦x: \xe9¦\tx: y¦x: \x7f",
);
/** What may stand in place of CR LF. */
export const LINE_ENDS = list(
  "\n¦\r¦\r\r\n¦\n\r¦\r\n\r\n¦¦ \r\n¦\t\r\n¦\v\r\n¦\r\n ¦\r\n\t¦\x00\r\n",
);

const TARGETS = list(
  '¦*¦//¦//a/b¦a¦?q¦/#f¦/a#¦/a b¦/\t¦/\x80¦/\x7f¦/{}¦/\\¦/<>¦/|^`"¦http://¦http:///a¦' +
    "http://u@a.example/¦http://u:p@a.example/x¦http://a.example#f¦ftp://a/¦http:/a¦" +
    "http:a¦a.example:443¦http://a b/¦http://a\\b/¦http://a.example?q¦/%¦/%zz¦/%00¦" +
    "/?a={b}|^`\\¦/|¦/[]",
);
const METHODS = list(
  "get¦Get¦PRI¦QUERY¦CONNECT¦TRACE¦PROPFIND¦G¦GETT¦POSTGET¦G(T¦¦GE\tT¦\xe9",
);
/** Versions that are not, or not quite, HTTP/1.1. */
export const VERSIONS = list(
  "HTTP/1.0¦HTTP/1.2¦HTTP/0.9¦HTTP/2.0¦HTTP/2¦HTTP/1¦HTTP/1.10¦HTTP/01.1¦HTTP/1.01¦" +
    "HTTP/11¦HTTP/1,1¦http/1.1¦Http/1.1¦HTTP/1.1 ¦HTTP /1.1¦HTTP/ 1.1¦¦ICE/1.0¦RTSP/1.0¦" +
    "HTP/1.1¦HTTP/1.\xb9",
);
const CODES = list(
  "099¦000¦99¦0200¦2000¦2x0¦1000¦199¦600¦999¦-20¦+20¦20¦¦101¦102",
);
const REASONS = list(
  "¦OK¦ ¦\t¦\x00¦\x7f¦a\rb¦a\nb¦\x80¦HTTP/1.1 200 OK",
);

/** Spoils a start line. */
export function trickStartLine(kind: Kind, chance: Chance, line: string): string {
  const parts = line.split(" ");
  const set = (i: number, items: readonly string[]) => {
    parts[i] = chance.pick(items);
    return parts.join(" ");
  };
  const request = kind === "request";
  switch (chance.below(5)) {
    case 0:
      return request ? set(0, METHODS) : set(1, CODES);
    case 1:
      return request ? set(1, TARGETS) : set(2, REASONS);
    case 2:
      return set(request ? 2 : 0, VERSIONS);
    case 3:
      return parts.join(chance.pick(["  ", "\t", "", "\v", " \t", "\xa0"]));
    default:
      return chance.pick(["\r\n", "\n", "\r", " ", "\0", "\xef\xbb\xbf"]) + line;
  }
}
