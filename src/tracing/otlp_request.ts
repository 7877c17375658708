import type { Tracing } from "../config/tracing_settings.ts";
import { otlpJson } from "./otlp_json.ts";
import { otlpProtobuf } from "./otlp_protobuf.ts";
import type { Attribute, Span } from "./span.ts";

/** The body of an export. */
export interface OtlpRequest {
  /** The `content-type`. */
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * Writes an export of spans.
 *
 * @param resource attributes of the router, for all spans
 */
export function otlpRequest(
  protocol: Tracing["protocol"],
  spans: readonly Span[],
  resource: readonly Attribute[],
  version: string,
): OtlpRequest {
  return protocol === "http/json"
    ? {
      type: "application/json",
      body: new TextEncoder().encode(otlpJson(spans, resource, version)),
    }
    : { type: "application/x-protobuf", body: otlpProtobuf(spans, resource, version) };
}
