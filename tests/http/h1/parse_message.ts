import { Buffer } from "node:buffer";
import { BadChunk, decodeChunked, newChunkedScan } from "../../../src/http/h1/chunked.ts";
import { type HeadText, readHead } from "../../../src/http/h1/fields.ts";
import type { FieldMap } from "../../../src/http/field_map.ts";
import type { Framing } from "../../../src/http/h1/framing.ts";
import { type HeadLimits, newHeadScan, scanHead } from "../../../src/http/h1/head_scan.ts";
import { readRequestHead } from "../../../src/http/h1/request_head.ts";
import { BadResponse, readResponseHead } from "../../../src/http/h1/response_head.ts";

/** Which of the two heads a message has. */
export type Kind = "request" | "response";

/** A message that was parsed whole. */
export interface Message {
  /** Method and target of a request, status of a response. */
  readonly start: readonly [string, string] | readonly [number];
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  /** The connection can be used for another message. */
  readonly keepsAlive: boolean;
  /** The body ends with the connection. */
  readonly untilClose: boolean;
  /** The offset at which the next message begins. */
  readonly end: number;
}

/** What came of parsing; `"incomplete"` if the bytes end within the message. */
export type Outcome = Message | "incomplete" | { readonly refused: string };

/** Narrows an outcome to a message. */
export function isMessage(outcome: Outcome): outcome is Message {
  return typeof outcome === "object" && "end" in outcome;
}

/** A text as bytes, one a character. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** Limits that no generated message reaches by chance. */
export const LIMITS: HeadLimits = { maxBytes: 16_384, maxFields: 100 };

/**
 * Parses one message with the functions of `src/http/h1/`, as a connection does.
 *
 * @param from where the message begins
 * @param arrivals the offsets up to which bytes have arrived, in ascending order; by default all
 *   bytes arrive at once
 */
export function parseMessage(
  kind: Kind,
  bytes: Uint8Array,
  from = 0,
  arrivals: readonly number[] = [bytes.length],
): Outcome {
  const scan = newHeadScan();
  let arrived = -1;
  for (let whole = false; !whole;) {
    const to = arrivals[++arrived];
    if (to === undefined) return "incomplete";
    const scanned = scanHead(scan, bytes, from, to, LIMITS);
    if (typeof scanned === "string") return { refused: scanned };
    whole = scanned;
  }
  const head = readStart(kind, readHead(scan, bytes, from));
  if ("refused" in head) return head;
  const { framing, ...rest } = head;
  const body = readBody(framing, bytes, from + scan.at, arrivals.slice(arrived));
  return typeof body === "object" && "end" in body ? { ...rest, ...body } : body;
}

interface Head extends Pick<Message, "start" | "fields" | "keepsAlive"> {
  readonly framing: Framing;
}

function readStart(kind: Kind, text: HeadText): Head | { readonly refused: string } {
  const shared = (head: { fields: FieldMap; framing: Framing; keepsAlive: boolean }) => ({
    fields: [...head.fields],
    framing: head.framing,
    keepsAlive: head.keepsAlive,
  });
  if (kind === "request") {
    const head = readRequestHead(text);
    if ("sentence" in head) return { refused: head.sentence };
    return { ...shared(head), start: [head.method, head.target] };
  }
  try {
    const head = readResponseHead(text);
    // The router never asks for another protocol.
    if (head.status === 101) return { refused: "another protocol" };
    return { ...shared(head), start: [head.status] };
  } catch (error) {
    if (error instanceof BadResponse) return { refused: error.message };
    throw error;
  }
}

type Body = Pick<Message, "body" | "untilClose" | "end">;

function readBody(
  framing: Framing,
  bytes: Uint8Array,
  from: number,
  arrivals: readonly number[],
): Body | "incomplete" | { readonly refused: string } {
  const to = arrivals.at(-1)!;
  if (framing === "until_close") return { body: bytes.slice(from, to), untilClose: true, end: to };
  if (framing !== "chunked") {
    const end = from + framing;
    return end > to ? "incomplete" : { body: bytes.slice(from, end), untilClose: false, end };
  }
  const scan = newChunkedScan();
  const pieces: Uint8Array[] = [];
  let at = from;
  try {
    for (const arrived of arrivals) {
      // The decoder works in place.
      const piece = bytes.slice(at, arrived);
      const ended = decodeChunked(scan, piece, 0, piece.length);
      pieces.push(piece.subarray(0, scan.data));
      at += scan.used;
      if (ended) return { body: new Uint8Array(Buffer.concat(pieces)), untilClose: false, end: at };
    }
  } catch (error) {
    if (error instanceof BadChunk) return { refused: error.message };
    throw error;
  }
  return "incomplete";
}
