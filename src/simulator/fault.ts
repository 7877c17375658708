/** Faults that strike one request; others go on undisturbed. */
export type RequestFault =
  & (
    /** The connection ends after the request was read, before any byte of an answer. */
    | { readonly kind: "reset_before_head" }
    /** The connection is dropped after so many tokens. `afterTokens` is 3 by default. */
    | { readonly kind: "reset_mid_stream"; readonly afterTokens?: number }
    /** Not even the head of an answer; the request keeps its place in the engine. */
    | { readonly kind: "hang_before_head" }
    /** The head of a stream and nothing after it. */
    | { readonly kind: "hang_before_first_token" }
    /** No token after so many. `afterTokens` is 3 by default. */
    | { readonly kind: "hang_mid_stream"; readonly afterTokens?: number }
    /** Every step takes `factor` times as long (10 by default). */
    | { readonly kind: "slow"; readonly factor?: number }
    /** An error document with this status (400 to 599), and `retry-after` where it is given. */
    | { readonly kind: "status"; readonly status: number; readonly retryAfterSeconds?: number }
    /** A stream whose only event is an error; the status (500) when no stream is asked for. */
    | { readonly kind: "error_event"; readonly status?: number }
    /** Less than announced: half a document, or a stream that stops after its head. */
    | { readonly kind: "truncated" }
    /** Bytes that are no HTTP, and the end of the connection. */
    | { readonly kind: "garbled" }
    /** A Content-Length past the document's end, or past so many tokens (3) of a stream. */
    | { readonly kind: "wrong_length"; readonly afterTokens?: number }
    /** Dropped without a byte where its connection has carried another request before. */
    | { readonly kind: "idle_reset" }
  )
  & {
    /** Share of the requests it strikes. @default 1 */
    readonly probability?: number;
    /** Strikes so many requests, then clears itself. @default without end */
    readonly times?: number;
  };

/** Faults of the server as a whole. */
export type ServerFault =
  /** Connections are refused, and idle ones closed; for `seconds`, or until it is cleared. */
  | { readonly kind: "refuse"; readonly seconds?: number }
  /** As `refuse`, but connecting hangs, as it does where packets are dropped. On Linux only. */
  | { readonly kind: "connect_hang"; readonly seconds?: number }
  /** /metrics never answers. */
  | { readonly kind: "metrics_hang" }
  /** /metrics answers 200 with what is no metrics page. */
  | { readonly kind: "metrics_garbage" }
  /** 200 without any line of vLLM's, as with --disable-log-stats. */
  | { readonly kind: "metrics_missing" }
  /** /metrics answers 404. */
  | { readonly kind: "metrics_404" }
  /** /health never answers. */
  | { readonly kind: "health_hang" }
  /** /health answers with this status (400 to 599). */
  | { readonly kind: "health_status"; readonly status: number }
  /** The engine stands still; /health answers, and /metrics what it said when that began. */
  | { readonly kind: "stalled" }
  /** The engine sleeps: inference gets 500, and open requests are aborted. */
  | { readonly kind: "sleeping" }
  /** /v1/models answers 500. */
  | { readonly kind: "models_fail" };

/** Something wrong with a simulated server. */
export type Fault = RequestFault | ServerFault;

/** Tokens sent before a reset or a hang in mid-stream that says no number. */
export const DEFAULT_AFTER_TOKENS = 3;
/** How many times as long a step takes under `slow` that says no factor. */
export const DEFAULT_SLOW_FACTOR = 10;

type Parameter =
  | "afterTokens"
  | "factor"
  | "status"
  | "retryAfterSeconds"
  | "seconds"
  | "probability"
  | "times";

/** The parameters of each kind. The first is the one that needs no name in a text. */
const PARAMETERS: Record<Fault["kind"], readonly Parameter[]> = {
  reset_before_head: ["probability", "times"],
  reset_mid_stream: ["afterTokens", "probability", "times"],
  hang_before_head: ["probability", "times"],
  hang_before_first_token: ["probability", "times"],
  hang_mid_stream: ["afterTokens", "probability", "times"],
  slow: ["factor", "probability", "times"],
  status: ["status", "retryAfterSeconds", "probability", "times"],
  error_event: ["status", "probability", "times"],
  truncated: ["probability", "times"],
  garbled: ["probability", "times"],
  wrong_length: ["afterTokens", "probability", "times"],
  idle_reset: ["probability", "times"],
  refuse: ["seconds"],
  connect_hang: ["seconds"],
  metrics_hang: [],
  metrics_garbage: [],
  metrics_missing: [],
  metrics_404: [],
  health_hang: [],
  health_status: ["status"],
  stalled: [],
  sleeping: [],
  models_fail: [],
};

const RANGES: Record<Parameter, { valid(value: number): boolean; expected: string }> = {
  afterTokens: { valid: isCount, expected: "a whole number from 0" },
  factor: { valid: (value) => value > 0 && value < Infinity, expected: "a number above 0" },
  status: {
    valid: (value) => isCount(value) && value >= 400 && value <= 599,
    expected: "a status from 400 to 599",
  },
  retryAfterSeconds: { valid: isCount, expected: "a whole number from 0" },
  seconds: { valid: (value) => value > 0 && value < Infinity, expected: "a number above 0" },
  probability: { valid: (value) => value >= 0 && value <= 1, expected: "a number from 0 to 1" },
  times: { valid: (value) => isCount(value) && value > 0, expected: "a whole number from 1" },
};

/**
 * Reads a fault from a text such as `hang_before_head`, `status:503`, `slow:factor=5` or
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
    // What is no number is kept for the message that refuses it.
    fault[name] = value === "" || Number.isNaN(Number(value)) ? value : Number(value);
  });
  return checkFault(fault);
}

/**
 * Checks a fault that comes from outside.
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
    const range = RANGES[name as Parameter];
    if (typeof parameter !== "number" || !range.valid(parameter)) {
      throw new Error(
        `Fault "${kind}": expected ${range.expected} for ${name} instead of ${
          JSON.stringify(parameter)
        }`,
      );
    }
  }
  if ((kind === "status" || kind === "health_status") && !("status" in value)) {
    throw new Error(`Fault "${kind}": expected a status, as in "${kind}:503"`);
  }
  return value as Fault;
}

/** Tells faults that strike single requests from those of the whole server. */
export function isRequestFault(fault: Fault): fault is RequestFault {
  return PARAMETERS[fault.kind].includes("times");
}

/** What a value without a name stands for; "value" where it stands for nothing, to be refused. */
function firstParameter(kind: string): string {
  const parameters = Object.hasOwn(PARAMETERS, kind) ? PARAMETERS[kind as Fault["kind"]] : [];
  return parameters[0] ?? "value";
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
