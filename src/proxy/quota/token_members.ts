import type { Walk } from "../../util/walk.ts";
import { DEEPEST, membersOf, valueIn } from "../request/json_members.ts";
import type { Span } from "../request/json_scan.ts";

/** What a body says about the tokens and the priority of its request. */
export interface TokenMembers {
  /** The most tokens that its answers may have together, `undefined` if it limits none. */
  readonly mostAnswerTokens: number | undefined;
  /** It asks for the usage of a stream. */
  readonly asksUsage: boolean;
  readonly hasStreamOptions: boolean;
  readonly hasPriority: boolean;
  readonly isJson: boolean;
}

const LIMITS = ["max_tokens", "max_completion_tokens", "max_output_tokens"] as const;
const ANSWERS = ["n", "best_of"] as const;
const NAMES = [...LIMITS, ...ANSWERS, "sampling_params", "stream_options", "priority"] as const;

/** Longer options are those of no client. */
const LONGEST = 16 * 1024;
/** Far above the context length of any model. */
const MOST_TOKENS = 100_000_000;

/** Reads a body; one that is no JSON object says nothing. */
export function* readTokenMembers(body: Uint8Array): Walk<TokenMembers> {
  const members = yield* membersOf(body, NAMES, DEEPEST);
  if (typeof members === "string") return NOTHING;
  const { values } = members;
  const valueOf = (span: Span | undefined) =>
    span && span[1] - span[0] <= LONGEST ? valueIn(body, span) : undefined;
  const sampling = tableOf(valueOf(values.sampling_params));
  const countOf = (name: (typeof LIMITS | typeof ANSWERS)[number]) =>
    countIn(valueOf(values[name]) ?? sampling[name]);
  const limits = LIMITS.map(countOf).filter((count) => count !== undefined);
  const answers = Math.max(1, ...ANSWERS.map((name) => countOf(name) ?? 1));
  return {
    mostAnswerTokens: limits.length > 0 ? Math.min(...limits) * answers : undefined,
    asksUsage: tableOf(valueOf(values.stream_options)).include_usage === true,
    hasStreamOptions: values.stream_options !== undefined,
    hasPriority: values.priority !== undefined,
    isJson: true,
  };
}

const NOTHING: TokenMembers = {
  mostAnswerTokens: undefined,
  asksUsage: false,
  hasStreamOptions: false,
  hasPriority: false,
  isJson: false,
};

function countIn(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && value <= MOST_TOKENS ? value : undefined;
}

function tableOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}
