import type { Span } from "./json_scan.ts";
import { SLICE_BYTES, type Walk } from "../../util/walk.ts";

/** One part of a multipart form. */
export interface Part {
  readonly name: string;
  /** The part has a file name, so servers treat it as a file regardless of its name. */
  readonly isFile: boolean;
  /** The position of its value in the form. */
  readonly value: Span;
}

/** Far more parts than an upload has. */
const MOST_PARTS = 100;
/** More than a part's headers need, in bytes. */
const LONGEST_HEAD = 4_096;
const MOST_HEADERS = 8;

const CR = 0x0d;
const LF = 0x0a;
const HYPHEN = 0x2d;

/** With another `charset`, a server would read other names and values. */
const CONTENT_TYPE =
  /^multipart\/form-data(; ?charset=utf-8)?; ?boundary=("?)([\w'()+./:=?-]{1,70})\2(; ?charset=utf-8)?$/i;
const HEADER = /^([!#$%&'*+.^_`|~\w-]+):[\x20-\x7e\x80-\xff]*$/;
const DISPOSITION =
  /^content-disposition: form-data; name="([ !#-[\]-~]*)"(; filename="[ !#-[\]-~\x80-\xff]*")?$/i;

const BAD_HEAD =
  'Each part of the form must begin with `Content-Disposition: form-data; name="..."`, which may ' +
  'be followed by `; filename="..."`.';

/** Returns the boundary, without the leading `--`; `undefined` if it is missing or ambiguous. */
export function boundaryIn(contentType: string): string | undefined {
  return CONTENT_TYPE.exec(contentType)?.[3];
}

/**
 * Finds the parts of a multipart form (RFC 7578). Accepts only the one spelling that clients send,
 * because servers may parse any other differently. Nothing may precede the first boundary, and only
 * a CRLF may follow the last.
 *
 * @returns the parts in order, or a sentence that says what is wrong
 */
export function* partsOf(body: Uint8Array, boundary: string): Walk<Part[] | string> {
  // No line end precedes the first delimiter.
  const delimiter = latin1Bytes(`\r\n--${boundary}`);
  let at = delimiter.length - 2;
  if (!standsAt(body, delimiter.subarray(2), 0)) {
    return "The form doesn't begin with the boundary of its content type.";
  }
  if (body[at] === HYPHEN) return "The form has no part.";
  const parts: Part[] = [];
  while (!(body[at] === HYPHEN && body[at + 1] === HYPHEN)) {
    if (body[at] !== CR || body[at + 1] !== LF) {
      return "Behind a boundary the form has something else than a line end.";
    }
    if (parts.length === MOST_PARTS) return `The form has more than ${MOST_PARTS} parts.`;
    const head = headAt(body, at + 2);
    if (!head) return BAD_HEAD;
    const start = head.end;
    let end = start;
    for (;;) {
      const stop = Math.min(body.length, end + SLICE_BYTES);
      // A boundary contains no CR, so no byte is compared more than twice.
      while (end < stop && !(body[end] === CR && standsAt(body, delimiter, end))) end++;
      if (end === body.length) return "The form has no last boundary.";
      if (end < stop) break;
      yield;
    }
    parts.push({ name: head.name, isFile: head.isFile, value: [start, end] });
    at = end + delimiter.length;
  }
  at += 2;
  if (body[at] === CR && body[at + 1] === LF) at += 2;
  return at === body.length ? parts : "Something stands behind the form's last boundary.";
}

/** Reads the headers of a part. */
function headAt(
  body: Uint8Array,
  start: number,
): { name: string; isFile: boolean; end: number } | undefined {
  let disposition: RegExpExecArray | null = null;
  let at = start;
  for (let count = 0; count <= MOST_HEADERS; count++) {
    const end = body.subarray(at, start + LONGEST_HEAD).indexOf(CR) + at;
    if (end < at || body[end + 1] !== LF) return undefined;
    const line = String.fromCharCode(...body.subarray(at, end));
    at = end + 2;
    if (line === "") {
      const [, name, filename] = disposition ?? [];
      return name === undefined ? undefined : { name, isFile: filename !== undefined, end: at };
    }
    const [, header] = HEADER.exec(line) ?? [];
    if (header === undefined) return undefined;
    if (header.toLowerCase() !== "content-disposition") continue;
    // Of two, parsers may take the first or the last.
    if (disposition) return undefined;
    disposition = DISPOSITION.exec(line);
    if (!disposition) return undefined;
  }
  return undefined;
}

function standsAt(body: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < bytes.length; i++) if (body[at + i] !== bytes[i]) return false;
  return true;
}

function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
