import assert from "node:assert/strict";

/** How a field is read, and its name in OTLP's JSON. A `*` stands for a list. */
type Field = readonly [name: string, read: "text" | "hex" | "count" | "time" | "int" | Message];
type Message = {
  readonly [number: number]: Field | readonly [string, "bool" | "double" | "flags"];
};

const VALUE: { [number: number]: Message[number] } = {
  1: ["stringValue", "text"],
  2: ["boolValue", "bool"],
  3: ["intValue", "int"],
  4: ["doubleValue", "double"],
};
VALUE[5] = ["arrayValue", { 1: ["values*", VALUE] }];
const ATTRIBUTE: Message = { 1: ["key", "text"], 2: ["value", VALUE] };
const SPAN: Message = {
  1: ["traceId", "hex"],
  2: ["spanId", "hex"],
  3: ["traceState", "text"],
  4: ["parentSpanId", "hex"],
  5: ["name", "text"],
  6: ["kind", "count"],
  7: ["startTimeUnixNano", "time"],
  8: ["endTimeUnixNano", "time"],
  9: ["attributes*", ATTRIBUTE],
  15: ["status", { 2: ["message", "text"], 3: ["code", "count"] }],
  16: ["flags", "flags"],
};
const SCOPE: Message = { 1: ["name", "text"], 2: ["version", "text"] };
const REQUEST: Message = {
  1: ["resourceSpans*", {
    1: ["resource", { 1: ["attributes*", ATTRIBUTE] }],
    2: ["scopeSpans*", { 1: ["scope", SCOPE], 2: ["spans*", SPAN] }],
  }],
};

/** Reads an export of OTLP in Protocol Buffers, into the form that it has in JSON. */
export function exportIn(bytes: Uint8Array): unknown {
  return { resourceSpans: [], ...messageIn(bytes, REQUEST) };
}

/** Throws on a field that is unknown, of another kind, or cut off. */
function messageIn(bytes: Uint8Array, message: Message): Record<string, unknown> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: Record<string, unknown> = {};
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n;; shift += 7n) {
      const byte = view.getUint8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const delimited = () => {
    const length = Number(varint());
    assert.ok(at + length <= bytes.length, "a field is cut off");
    return bytes.subarray(at, at += length);
  };
  const KINDS = { count: 0, int: 0, bool: 0, time: 1, double: 1, text: 2, hex: 2, flags: 5 };
  while (at < bytes.length) {
    const tag = Number(varint());
    const field = message[tag >> 3];
    assert.ok(field, `unknown field ${tag >> 3}`);
    const [name, read] = field;
    assert.equal(tag & 7, typeof read === "string" ? KINDS[read] : 2, `the kind of ${name}`);
    const readers = {
      count: () => Number(varint()),
      int: () => String(BigInt.asIntN(64, varint())),
      bool: () => varint() === 1n,
      time: () => String(view.getBigUint64((at += 8) - 8, true)),
      double: () => view.getFloat64((at += 8) - 8, true),
      flags: () => view.getUint32((at += 4) - 4, true),
      text: () => new TextDecoder("utf-8", { fatal: true }).decode(delimited()),
      hex: () => delimited().toHex(),
    };
    const value = typeof read === "string" ? readers[read]() : messageIn(delimited(), read);
    if (name.endsWith("*")) {
      const list = (found[name.slice(0, -1)] ??= []) as unknown[];
      list.push(value);
    } else found[name] = value;
  }
  // Empty lists and messages aren't written.
  if (message === SPAN) return { attributes: [], status: {}, ...found };
  return found;
}
