import type { FieldMap } from "../http/field_map.ts";

/** The caller's span, as W3C Trace Context passes it on. */
export interface Parent {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
  /** The `tracestate` to pass on, empty if there is none. */
  readonly state: string;
}

/** Version, trace id, span id and flags. Later versions may add more after a hyphen. */
const TRACEPARENT =
  /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})/;
const LENGTH = 55;
const SAMPLED = 1;

/**
 * Reads `traceparent` and `tracestate` by the rules of W3C Trace Context, level 1.
 *
 * @returns `undefined` without a valid `traceparent`: the request begins a trace of its own
 */
export function parentIn(headers: FieldMap): Parent | undefined {
  const written = headers.get("traceparent");
  if (written === null) return undefined;
  const [, version, traceId, spanId, flags] = TRACEPARENT.exec(written) ?? [];
  if (version === undefined) return undefined;
  // Several headers are joined by a comma, which no version allows there.
  const isWhole = written.length === LENGTH || (version !== "00" && written[LENGTH] === "-");
  if (!isWhole || written.includes(",")) return undefined;
  return {
    traceId: traceId!,
    spanId: spanId!,
    isSampled: (parseInt(flags!, 16) & SAMPLED) !== 0,
    state: stateIn(headers.get("tracestate")),
  };
}

/** Writes a `traceparent`. */
export function traceparent(traceId: string, spanId: string, isSampled: boolean): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}

const MOST_MEMBERS = 32;
/** A key, of one vendor or of a vendor's tenant, and its value. */
const MEMBER = new RegExp(
  "^(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=" +
    "[\\x20-\\x2b\\x2d-\\x3c\\x3e-\\x7e]{0,255}[\\x21-\\x2b\\x2d-\\x3c\\x3e-\\x7e]$",
);

/** Returns a valid `tracestate` without its empty members. An invalid one is dropped whole. */
function stateIn(written: string | null): string {
  if (written === null) return "";
  const members = written.split(",").map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((member) => member !== "");
  const isValid = members.length <= MOST_MEMBERS && members.every((member) => MEMBER.test(member));
  const keys = new Set(members.map((member) => member.slice(0, member.indexOf("="))));
  return isValid && keys.size === members.length ? members.join(",") : "";
}
