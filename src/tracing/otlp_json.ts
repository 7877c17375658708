import { ERROR, flagsOf, KIND, nanoseconds } from "./otlp_codes.ts";
import type { Attribute, Span, Value } from "./span.ts";

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
    flags: flagsOf(span),
    name: span.name,
    kind: KIND[span.kind],
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(span.endMs),
    attributes: span.attributes.map(keyValue),
    status: error === undefined ? {} : { code: ERROR, message: error },
  };
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
