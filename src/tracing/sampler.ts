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
 * OpenTelemetry's consistent probability sampling keeps the traces above a threshold of it, so that
 * all who sample by ratio keep the same ones. The last of its digits doesn't fit into a double.
 */
function randomnessOf(traceId: string): number {
  return parseInt(traceId.slice(-14, -1), 16) / 2 ** 52;
}
