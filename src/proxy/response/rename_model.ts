import { isAt } from "../../util/bytes.ts";
import type { Convert } from "../sse/tap_events.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
const KEY = encoder.encode('"model"');
/** An event may have its answer as a member. */
const DEEPEST = { document: 1, event: 2 } as const;
const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN = new Set([0x7b, 0x5b]);
const CLOSE = new Set([0x7d, 0x5d]);

/**
 * Returns a conversion of events that gives their model another name. Events of one answer begin
 * alike, so that the name is looked for where it stood in the event before. The result is valid until
 * the next call.
 */
export function renameEvents(name: string): Convert {
  const put = encoder.encode(JSON.stringify(name));
  /** Where the name stood, from the start of its event, and what it was. */
  let offset = -1;
  let served: Bytes = new Uint8Array();
  let room: Bytes = new Uint8Array();

  function valueIn(events: Bytes, start: number, end: number): number {
    const likely = start + offset;
    const fits = offset >= 0 && likely + served.length <= end;
    if (fits && isAt(events, likely, served)) return likely;
    const value = events[start] === COLON ? undefined : modelIn(events, start, end, DEEPEST.event);
    if (!value) return -1;
    offset = value[0] - start;
    served = events.slice(...value);
    return value[0];
  }

  return (events) => {
    let out: Bytes | undefined;
    let from = 0;
    let to = 0;
    for (let start = 0; start < events.length;) {
      const end = endOfEvent(events, start);
      const at = valueIn(events, start, end);
      if (at >= 0) {
        if (!out) {
          const most = mostBytes(events.length, put.length);
          out = room = room.length < most ? new Uint8Array(2 * most) : room;
        }
        out.set(events.subarray(from, at), to);
        to += at - from;
        out.set(put, to);
        to += put.length;
        from = at + served.length;
      }
      start = end;
    }
    if (!out) return events;
    out.set(events.subarray(from), to);
    return out.subarray(0, to + events.length - from);
  };
}

/** No event with a model is shorter than this. */
const SHORTEST_EVENT = 16;

function mostBytes(length: number, put: number): number {
  return length + put * Math.ceil(length / SHORTEST_EVENT);
}

/** Returns the beginning of a JSON document with another model, `undefined` if it names none. */
export function renameIn(document: Bytes, name: string): Bytes | undefined {
  const value = modelIn(document, 0, document.length, DEEPEST.document);
  if (!value) return undefined;
  const put = encoder.encode(JSON.stringify(name));
  const renamed = new Uint8Array(document.length - (value[1] - value[0]) + put.length);
  renamed.set(document.subarray(0, value[0]));
  renamed.set(put, value[0]);
  renamed.set(document.subarray(value[1]), value[0] + put.length);
  return renamed;
}

/** The range of the text that is the value of the first member `model`, with its quotes. */
function modelIn(
  json: Bytes,
  start: number,
  end: number,
  deepest: number,
): readonly [number, number] | undefined {
  let depth = 0;
  for (let at = start; at < end; at++) {
    const byte = json[at]!;
    if (OPEN.has(byte)) depth++;
    else if (CLOSE.has(byte)) depth--;
    else if (byte === QUOTE) {
      const after = endOfText(json, at, end);
      if (depth <= deepest && after - at === KEY.length && isAt(json, at, KEY)) {
        const value = valueAfter(json, after, end);
        if (value) return value;
      }
      at = after - 1;
    }
  }
  return undefined;
}

function valueAfter(
  json: Bytes,
  after: number,
  end: number,
): readonly [number, number] | undefined {
  let at = after;
  while (json[at] === 0x20) at++;
  if (json[at++] !== COLON) return undefined;
  while (json[at] === 0x20) at++;
  if (json[at] !== QUOTE) return undefined;
  const close = endOfText(json, at, end);
  return close <= end ? [at, close] : undefined;
}

/** The position after the closing quote; past `end` if it isn't there. */
function endOfText(json: Bytes, start: number, end: number): number {
  let at = start + 1;
  while (at < end && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

function endOfEvent(events: Bytes, start: number): number {
  for (let at = start; (at = events.indexOf(LINE_FEED, at)) >= 0; at++) {
    const next = events[at + 1];
    if (next === LINE_FEED) return at + 2;
    if (next === 0x0d && events[at + 2] === LINE_FEED) return at + 3;
  }
  return events.length;
}
