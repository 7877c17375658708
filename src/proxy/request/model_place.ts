import type { Span } from "./json_scan.ts";

/** Where a body names its model, or could name it. */
export interface ModelPlace {
  readonly format: "json" | "form";
  /** The value, in JSON with its quotes; empty where it would be put. */
  readonly at: Span;
  /** What goes before and after the value where the body names none. */
  readonly around: readonly [before: string, after: string];
}

const NOTHING = ["", ""] as const;

/**
 * Returns the place in a JSON object.
 *
 * @param value of its member `model`, if it has one
 */
export function placeInJson(json: Uint8Array, value: Span | undefined): ModelPlace {
  if (value) return { format: "json", at: value, around: NOTHING };
  const start = json.indexOf(OPEN_OBJECT) + 1;
  return {
    format: "json",
    at: [start, start],
    around: ['"model":', isEmpty(json, start) ? "" : ","],
  };
}

/**
 * Returns the place in a form.
 *
 * @param value of its field `model`, if it has one
 */
export function placeInForm(boundary: string, value: Span | undefined): ModelPlace {
  if (value) return { format: "form", at: value, around: NOTHING };
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="model"\r\n\r\n`;
  return { format: "form", at: [0, 0], around: [head, "\r\n"] };
}

/** Returns the body with another model; no other byte changes. */
export function withModel(
  body: Uint8Array<ArrayBuffer>,
  { format, at: [start, end], around: [before, after] }: ModelPlace,
  model: string,
): Uint8Array<ArrayBuffer> {
  const value = format === "json" ? JSON.stringify(model) : model;
  const put = new TextEncoder().encode(before + value + after);
  const { length } = body;
  const size = length - (end - start) + put.length;
  // Changed in place: a body may be large, and only one copy of it is accounted for.
  const whole = body.buffer.byteLength === length ? body : body.slice();
  const room = size > length ? new Uint8Array(whole.buffer.transfer(size)) : whole;
  room.copyWithin(start + put.length, end, length);
  room.set(put, start);
  return size < length ? new Uint8Array(room.buffer.transfer(size)) : room;
}

const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

function isEmpty(json: Uint8Array, start: number): boolean {
  let at = start;
  while (json[at] === 0x20 || (json[at]! >= 0x09 && json[at]! <= 0x0d)) at++;
  return json[at] === CLOSE_OBJECT;
}
