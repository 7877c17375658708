import type { Attribute, Span, Value } from "./span.ts";

/** The code of a failed span; others have none. */
const ERROR = 2;
const KIND = { server: 2, client: 3 } as const;
/** Flags of a span: sampled, and whether the parent's process is known to be another one. */
const SAMPLED = 0x1;
const KNOWS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/**
 * Writes a request of OTLP over HTTP, as JSON: ids in hexadecimal digits, 64-bit numbers as
 * strings, enumerations as numbers.
 *
 * @param resource what is said of the router in all spans
 */
export function otlpJson(
  spans: readonly Span[],
  resource: readonly Attribute[],
  version: string,
): string {
  if (spans.length === 0) return JSON.stringify({ resourceSpans: [] });
  const scope = { name: "vllm-router", version };
  return JSON.stringify({
    resourceSpans: [{
      resource: { attributes: resource.map(keyValue) },
      scopeSpans: [{ scope, spans: spans.map(spanJson) }],
    }],
  });
}

function spanJson(span: Span) {
  const { parentId, error } = span;
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(parentId !== undefined && { parentSpanId: parentId }),
    ...(span.state !== "" && { traceState: span.state }),
    flags: SAMPLED | (parentId === undefined ? 0 : KNOWS_REMOTE) |
      (parentId !== undefined && span.isParentRemote ? IS_REMOTE : 0),
    name: span.name,
    kind: KIND[span.kind],
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(span.endMs),
    attributes: span.attributes.map(keyValue),
    status: error === undefined ? {} : { code: ERROR, message: error },
  };
}

/** A double can't hold nanoseconds since 1970, so they are put together from their digits. */
function nanoseconds(ms: number): string {
  const whole = Math.floor(ms);
  return `${whole}${String(Math.floor((ms - whole) * 1e6)).padStart(6, "0")}`;
}

function keyValue([key, value]: Attribute) {
  return { key, value: anyValue(value) };
}

function anyValue(value: Value): object {
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "boolean":
      return { boolValue: value };
    case "bigint":
      return { intValue: String(value) };
    case "number":
      return { doubleValue: value };
    default:
      return { arrayValue: { values: value.map(anyValue) } };
  }
}
