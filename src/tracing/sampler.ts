import type { Sampler } from "../config/tracing_settings.ts";
import type { Parent } from "./trace_context.ts";

/** Decides whether the spans of a trace are exported. */
export function isSampled(
  { ratio, isParentBased }: Sampler,
  parent: Parent | undefined,
  traceId: string,
): boolean {
  if (parent && isParentBased) return parent.isSampled;
  return randomnessOf(traceId) >= 1 - ratio;
}

/**
 * Returns a number in [0, 1) from the last 56 bits of a trace id, which are random in every system.
 * OpenTelemetry's consistent probability sampling keeps the traces for which it reaches a
 * threshold, so all services that sample by ratio keep the same traces. A double has no room for
 * the last digit.
 */
function randomnessOf(traceId: string): number {
  return parseInt(traceId.slice(-14, -1), 16) / 2 ** 52;
}
