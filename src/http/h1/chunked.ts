import { isTchar, isValueByte } from "./head_scan.ts";

/** The progress of decoding a chunked body (RFC 9112, section 7.1). */
export interface ChunkedScan {
  state: ChunkedState;
  /** Bytes of the current chunk that are yet to come; its size as far as read before that. */
  left: number;
  /** Digits of the size that have been read. */
  digits: number;
  /** Bytes of the extension, or of the trailers, that have been read. */
  extra: number;
  /** The characters of a trailer's name that have been read. */
  name: string;
  /** How many of the bytes last given to `decodeChunked` were used. */
  used: number;
  /** How many bytes of data were among them. */
  data: number;
}

type ChunkedState =
  | "size"
  | "extension_start"
  | "extension_name"
  | "extension_value"
  | "extension_token"
  | "quoted"
  | "escaped"
  | "quoted_end"
  | "size_lf"
  | "data"
  | "data_cr"
  | "data_lf"
  | "trailer"
  | "trailer_value"
  | "trailer_lf"
  | "end_lf"
  | "ended";

/** A chunked body that breaks the grammar or a limit. */
export class BadChunk extends Error {
  override name = "BadChunk";
}

const CR = 13;
const LF = 10;
const QUOTE = 34;
const COLON = 58;
const SEMICOLON = 59;
const EQUALS = 61;
const BACKSLASH = 92;

/** 16 ** 12 bytes are far above any limit on a body, and an exact number. */
const MOST_DIGITS = 16;
const LARGEST = 16 ** 12;
/** For the extensions of a chunk, and for all trailers. */
const MOST_EXTRA = 8 * 1024;

/** Fields that say where a body ends, which no trailer may: some parsers would believe it. */
const FRAMING = new Set(["content-length", "transfer-encoding"]);

/** Starts the decoding of a body. */
export function newChunkedScan(): ChunkedScan {
  return { state: "size", left: 0, digits: 0, extra: 0, name: "", used: 0, data: 0 };
}

/**
 * Decodes what has arrived of a chunked body, in place: the data is moved to `from`, so that it is
 * one piece. Extensions and trailers are dropped.
 *
 * @returns whether the body ended; `scan.data` is the number of bytes of data, `scan.used` says how
 *   many bytes were looked at. Throws a {@linkcode BadChunk}; `scan.data` then counts what came before.
 */
export function decodeChunked(
  scan: ChunkedScan,
  bytes: Uint8Array,
  from: number,
  to: number,
): boolean {
  let i = from;
  scan.data = 0;
  while (i < to && scan.state !== "ended") {
    if (scan.state === "data") {
      const n = Math.min(scan.left, to - i);
      const out = from + scan.data;
      if (out !== i) bytes.copyWithin(out, i, i + n);
      scan.data += n;
      i += n;
      scan.left -= n;
      if (scan.left === 0) scan.state = "data_cr";
    } else step(scan, bytes[i++]!);
  }
  scan.used = i - from;
  return scan.state === "ended";
}

function step(scan: ChunkedScan, byte: number): void {
  switch (scan.state) {
    case "size": {
      const digit = hexDigit(byte);
      if (digit >= 0) {
        scan.left = 16 * scan.left + digit;
        if (++scan.digits > MOST_DIGITS || scan.left > LARGEST) throw new BadChunk("a huge chunk");
        return;
      }
      if (scan.digits === 0) throw new BadChunk("a chunk without a size");
      if (byte === CR) scan.state = "size_lf";
      else if (byte === SEMICOLON) scan.state = "extension_start";
      else throw new BadChunk("a chunk's size that is not a number");
      return;
    }
    case "extension_start":
    case "extension_name":
      count(scan);
      if (isTchar(byte)) scan.state = "extension_name";
      else if (scan.state === "extension_start") throw new BadChunk("a bad chunk extension");
      else if (byte === EQUALS) scan.state = "extension_value";
      else endExtension(scan, byte);
      return;
    case "extension_value":
      count(scan);
      if (byte === QUOTE) scan.state = "quoted";
      else if (isTchar(byte)) scan.state = "extension_token";
      else throw new BadChunk("a bad chunk extension");
      return;
    case "extension_token":
      count(scan);
      if (!isTchar(byte)) endExtension(scan, byte);
      return;
    case "quoted":
      count(scan);
      if (byte === QUOTE) scan.state = "quoted_end";
      else if (byte === BACKSLASH) scan.state = "escaped";
      else if (!isValueByte(byte)) throw new BadChunk("a bad chunk extension");
      return;
    case "escaped":
      count(scan);
      if (!isValueByte(byte)) throw new BadChunk("a bad chunk extension");
      scan.state = "quoted";
      return;
    case "quoted_end":
      count(scan);
      endExtension(scan, byte);
      return;
    case "size_lf":
      expectLf(byte);
      scan.extra = scan.digits = 0;
      scan.state = scan.left === 0 ? "trailer" : "data";
      return;
    case "data_cr":
      if (byte !== CR) throw new BadChunk("a chunk longer than its size");
      scan.state = "data_lf";
      return;
    case "data_lf":
      expectLf(byte);
      scan.state = "size";
      return;
    case "trailer":
      count(scan);
      if (isTchar(byte)) scan.name += String.fromCharCode(byte);
      else if (byte === CR && scan.name === "") scan.state = "end_lf";
      else if (byte === COLON && scan.name !== "" && !FRAMING.has(scan.name.toLowerCase())) {
        scan.name = "";
        scan.state = "trailer_value";
      } else throw new BadChunk("a bad trailer");
      return;
    case "trailer_value":
      count(scan);
      if (byte === CR) scan.state = "trailer_lf";
      else if (!isValueByte(byte)) throw new BadChunk("a bad trailer");
      return;
    case "trailer_lf":
      expectLf(byte);
      scan.state = "trailer";
      return;
    case "end_lf":
      expectLf(byte);
      scan.state = "ended";
  }
}

function endExtension(scan: ChunkedScan, byte: number): void {
  if (byte === CR) scan.state = "size_lf";
  else if (byte === SEMICOLON) scan.state = "extension_start";
  else throw new BadChunk("a bad chunk extension");
}

function count(scan: ChunkedScan): void {
  if (++scan.extra > MOST_EXTRA) throw new BadChunk("long extensions or trailers");
}

function expectLf(byte: number): void {
  if (byte !== LF) throw new BadChunk("a line end that is not CR LF");
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
