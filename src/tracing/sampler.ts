import type { Sampler } from "../config/tracing_settings.ts";
import type { Parent } from "./trace_context.ts";

/** Decides whether the spans of a trace are exported. */
export function isSampled(
  { ratio, isParentBased }: Sampler,
  parent: Parent | undefined,
  traceId: string,
): boolean {
  if (parent && isParentBased) return parent.isSampled;
  return ratio >= 1 || fractionOf(traceId) < ratio;
}

/**
 * Returns a number in [0, 1) from the digits of a trace id that are random in every system, so that
 * all who sample by ratio keep the same traces.
 */
function fractionOf(traceId: string): number {
  return parseInt(traceId.slice(-13), 16) / 2 ** 52;
}
