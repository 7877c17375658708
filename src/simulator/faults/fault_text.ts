import type { Fault, RequestFault } from "./fault.ts";

/** Valid values of a parameter, and the description used in error messages. */
interface Range {
  valid(value: unknown): boolean;
  readonly expected: string;
}

const isCount = (value: unknown, least: number) =>
  Number.isSafeInteger(value) && value as number >= least;
const isBetween = (value: unknown, least: number, most: number) =>
  typeof value === "number" && value >= least && value <= most;
const isPositive = (value: unknown) => isBetween(value, Number.MIN_VALUE, Number.MAX_VALUE);
const ENDS: readonly unknown[] = ["abort", "error", "silence"];

const RANGES = {
  afterTokens: { valid: (value) => isCount(value, 0), expected: "a whole number from 0" },
  factor: { valid: isPositive, expected: "a number above 0" },
  how: { valid: (value) => ENDS.includes(value), expected: "abort, error or silence" },
  status: {
    valid: (value) => isCount(value, 300) && isBetween(value, 300, 599),
    expected: "a status from 300 to 599",
  },
  retryAfterSeconds: { valid: (value) => isCount(value, 0), expected: "a whole number from 0" },
  seconds: { valid: isPositive, expected: "a number above 0" },
  probability: { valid: (value) => isBetween(value, 0, 1), expected: "a number from 0 to 1" },
  times: { valid: (value) => isCount(value, 1), expected: "a whole number from 1" },
} satisfies Record<string, Range>;

type Parameter = keyof typeof RANGES;

/** Parameters of every fault that hits single requests. */
const EACH: readonly Parameter[] = ["probability", "times"];

/** The parameters of each kind. The first one may be given without its name. */
const PARAMETERS: Record<Fault["kind"], readonly Parameter[]> = {
  reset_before_head: EACH,
  reset_mid_stream: ["afterTokens", ...EACH],
  hang_before_head: EACH,
  hang_before_first_token: EACH,
  hang_mid_stream: ["afterTokens", ...EACH],
  slow: ["factor", ...EACH],
  status: ["status", "retryAfterSeconds", ...EACH],
  error_event: ["status", ...EACH],
  queue_full: EACH,
  error_mid_stream: ["afterTokens", ...EACH],
  truncated: EACH,
  garbled: EACH,
  wrong_length: ["afterTokens", ...EACH],
  idle_reset: EACH,
  gateway_status: ["status", ...EACH],
  status_as_events: ["status", ...EACH],
  document_as_events: EACH,
  gzip_stream: EACH,
  ndjson_stream: EACH,
  plain_stream: EACH,
  untyped_stream: EACH,
  comment_after_done: EACH,
  many_headers: EACH,
  refuse: ["seconds"],
  connect_hang: ["seconds"],
  metrics_hang: [],
  metrics_garbage: [],
  metrics_missing: [],
  metrics_404: [],
  health_hang: [],
  health_slow: ["seconds"],
  health_status: ["status"],
  stalled: [],
  stalled_idle: [],
  sleeping: [],
  terminated: ["how"],
  draining: ["seconds"],
  models_fail: ["status"],
};

const NEED_STATUS: readonly Fault["kind"][] = [
  "status",
  "health_status",
  "gateway_status",
  "status_as_events",
];

/**
 * Parses a fault from text such as `hang_before_head`, `status:503`, `slow:factor=5` or
 * `reset_mid_stream:10,probability=0.1`.
 *
 * @throws {Error} with one sentence that names the bad part and what was expected
 */
export function parseFault(text: string): Fault {
  const colon = text.indexOf(":");
  const kind = colon < 0 ? text : text.slice(0, colon);
  const fault: Record<string, unknown> = { kind };
  const parts = colon < 0 ? [] : text.slice(colon + 1).split(",");
  parts.forEach((part, index) => {
    const equals = part.indexOf("=");
    if (equals < 0 && index > 0) {
      throw new Error(`Fault "${text}": expected name=value instead of "${part}"`);
    }
    const name = equals < 0 ? firstParameter(kind) : part.slice(0, equals).trim();
    const value = part.slice(equals + 1).trim();
    // A value that is not a number is a word, or is kept for the error message.
    fault[name] = value === "" || Number.isNaN(Number(value)) ? value : Number(value);
  });
  return checkFault(fault);
}

/**
 * Validates an untrusted fault.
 *
 * @throws {Error} with one sentence that names the bad part and what was expected
 */
export function checkFault(value: unknown): Fault {
  if (typeof value !== "object" || value === null || !("kind" in value)) {
    throw new Error(`Expected a fault with a "kind" instead of ${JSON.stringify(value)}`);
  }
  const kind = value.kind as Fault["kind"];
  if (!Object.hasOwn(PARAMETERS, kind)) {
    const kinds = Object.keys(PARAMETERS).join(", ");
    throw new Error(`Unknown fault "${kind}": expected one of ${kinds}`);
  }
  for (const [name, parameter] of Object.entries(value)) {
    if (name === "kind") continue;
    const allowed = PARAMETERS[kind];
    if (!allowed.includes(name as Parameter)) {
      const expected = allowed.length > 0 ? `expected ${allowed.join(", ")}` : "it takes none";
      throw new Error(`Fault "${kind}" has no parameter "${name}": ${expected}`);
    }
    const range: Range = RANGES[name as Parameter];
    if (!range.valid(parameter)) {
      const got = JSON.stringify(parameter);
      throw new Error(`Fault "${kind}": expected ${range.expected} for ${name} instead of ${got}`);
    }
  }
  if (NEED_STATUS.includes(kind) && !("status" in value)) {
    throw new Error(`Fault "${kind}": expected a status, as in "${kind}:503"`);
  }
  return value as Fault;
}

/** Returns true for a fault that hits single requests, false for one of the whole server. */
export function isRequestFault(fault: Fault): fault is RequestFault {
  return PARAMETERS[fault.kind].includes("times");
}

/** Returns the parameter that an unnamed value sets, or "value", which validation rejects. */
function firstParameter(kind: string): string {
  const parameters = Object.hasOwn(PARAMETERS, kind) ? PARAMETERS[kind as Fault["kind"]] : [];
  return parameters[0] ?? "value";
}
