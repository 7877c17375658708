import { ERROR, flagsOf, KIND, nanoseconds } from "./otlp_codes.ts";
import { ProtobufWriter } from "./protobuf_writer.ts";
import type { Attribute, Span, Value } from "./span.ts";

/** Numbers of fields, by message, as in the files of `opentelemetry/proto`. */
const REQUEST = { resourceSpans: 1 };
const RESOURCE_SPANS = { resource: 1, scopeSpans: 2 };
const RESOURCE = { attributes: 1 };
const SCOPE_SPANS = { scope: 1, spans: 2 };
const SCOPE = { name: 1, version: 2 };
const SPAN = {
  traceId: 1,
  spanId: 2,
  traceState: 3,
  parentSpanId: 4,
  name: 5,
  kind: 6,
  startTimeUnixNano: 7,
  endTimeUnixNano: 8,
  attributes: 9,
  status: 15,
  flags: 16,
};
const STATUS = { message: 2, code: 3 };
const KEY_VALUE = { key: 1, value: 2 };
const ANY_VALUE = { string: 1, bool: 2, int: 3, double: 4, array: 5 };
const ARRAY_VALUE = { values: 1 };

/**
 * Writes a request of OTLP over HTTP, as Protocol Buffers.
 *
 * @param resource attributes of the router, for all spans
 */
export function otlpProtobuf(
  spans: readonly Span[],
  resource: readonly Attribute[],
  version: string,
): Uint8Array<ArrayBuffer> {
  const to = new ProtobufWriter();
  if (spans.length === 0) return to.bytes();
  const resourceSpans = to.begin(REQUEST.resourceSpans);
  const ofResource = to.begin(RESOURCE_SPANS.resource);
  writeAttributes(to, RESOURCE.attributes, resource);
  to.end(ofResource);
  const scopeSpans = to.begin(RESOURCE_SPANS.scopeSpans);
  const scope = to.begin(SCOPE_SPANS.scope);
  to.text(SCOPE.name, "vllm-router");
  to.text(SCOPE.version, version);
  to.end(scope);
  for (const span of spans) {
    const start = to.begin(SCOPE_SPANS.spans);
    writeSpan(to, span);
    to.end(start);
  }
  to.end(scopeSpans);
  to.end(resourceSpans);
  return to.bytes();
}

function writeSpan(to: ProtobufWriter, span: Span): void {
  const { parentId, error } = span;
  to.hex(SPAN.traceId, span.traceId);
  to.hex(SPAN.spanId, span.spanId);
  if (span.state !== "") to.text(SPAN.traceState, span.state);
  if (parentId !== undefined) to.hex(SPAN.parentSpanId, parentId);
  to.text(SPAN.name, span.name);
  to.count(SPAN.kind, KIND[span.kind]);
  to.fixed64(SPAN.startTimeUnixNano, BigInt(nanoseconds(span.startMs)));
  to.fixed64(SPAN.endTimeUnixNano, BigInt(nanoseconds(span.endMs)));
  writeAttributes(to, SPAN.attributes, span.attributes);
  if (error !== undefined) {
    const status = to.begin(SPAN.status);
    to.text(STATUS.message, error);
    to.count(STATUS.code, ERROR);
    to.end(status);
  }
  to.fixed32(SPAN.flags, flagsOf(span));
}

function writeAttributes(to: ProtobufWriter, field: number, list: readonly Attribute[]): void {
  for (const [key, value] of list) {
    const attribute = to.begin(field);
    to.text(KEY_VALUE.key, key);
    writeValue(to, KEY_VALUE.value, value);
    to.end(attribute);
  }
}

function writeValue(to: ProtobufWriter, field: number, value: Value): void {
  const start = to.begin(field);
  switch (typeof value) {
    case "string":
      to.text(ANY_VALUE.string, value);
      break;
    case "boolean":
      to.count(ANY_VALUE.bool, Number(value));
      break;
    case "bigint":
      to.count(ANY_VALUE.int, Number(value));
      break;
    case "number":
      to.double(ANY_VALUE.double, value);
      break;
    default: {
      const array = to.begin(ANY_VALUE.array);
      for (const text of value) writeValue(to, ARRAY_VALUE.values, text);
      to.end(array);
    }
  }
  to.end(start);
}
