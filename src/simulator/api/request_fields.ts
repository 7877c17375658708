import type { Json } from "./body.ts";
import { badRequest, type FieldError, invalidFields, invalidValue } from "./errors.ts";

/** Types of a request's fields, as pydantic checks them. */
export type FieldType = "string" | "integer" | "number" | "boolean" | "list";

/** Of all endpoints that generate. Every field may also be null. */
const FIELDS: Readonly<Record<string, FieldType>> = {
  model: "string",
  messages: "list",
  tools: "list",
  stream: "boolean",
  temperature: "number",
  top_p: "number",
  top_k: "integer",
  min_p: "number",
  presence_penalty: "number",
  frequency_penalty: "number",
  repetition_penalty: "number",
  max_tokens: "integer",
  max_completion_tokens: "integer",
  max_output_tokens: "integer",
  min_tokens: "integer",
  n: "integer",
  seed: "integer",
  user: "string",
  ignore_eos: "boolean",
  include_stop_str_in_output: "boolean",
  parallel_tool_calls: "boolean",
  previous_response_id: "string",
  store: "boolean",
  background: "boolean",
};

/** Highest `n`, as VLLM_MAX_N_SEQUENCES. */
const MAX_N = 16_384;

/**
 * Checks the types of a request's fields, and the ranges of what it samples with.
 *
 * @param required fields that must be there
 * @param own types of the endpoint's own fields
 * @throws {RequestError} with vLLM's message
 */
export function checkFields(
  body: Json,
  required: readonly string[],
  own: Readonly<Record<string, FieldType>> = {},
): void {
  const errors: FieldError[] = required.filter((name) => body[name] === undefined).map((name) => ({
    type: "missing",
    loc: `body.${name}`,
    msg: "Field required",
    input: body,
  }));
  for (const [name, type] of Object.entries({ ...FIELDS, ...own })) {
    const value = body[name];
    if (value === undefined || value === null) continue;
    const error = ERRORS[type](value);
    if (error) errors.push({ type: error[0], loc: `body.${name}`, msg: error[1], input: value });
  }
  if (errors.length > 0) throw invalidFields(errors);
  checkRanges(body);
}

type Check = (value: unknown) => readonly [type: string, message: string] | undefined;

const ERRORS: Readonly<Record<FieldType, Check>> = {
  string: (value) =>
    typeof value === "string" ? undefined : ["string_type", "Input should be a valid string"],
  list: (value) => Array.isArray(value) ? undefined : ["list_type", "Input should be a valid list"],
  boolean(value) {
    if (typeof value === "boolean" || value === 0 || value === 1) return undefined;
    if (typeof value !== "string") return ["bool_type", "Input should be a valid boolean"];
    return ["bool_parsing", "Input should be a valid boolean, unable to interpret input"];
  },
  number(value) {
    if (typeof value === "number") return undefined;
    if (typeof value !== "string") return ["float_type", "Input should be a valid number"];
    return ["float_parsing", "Input should be a valid number, unable to parse string as a number"];
  },
  integer(value) {
    if (typeof value === "number" && Number.isInteger(value)) return undefined;
    if (typeof value === "number") {
      const message = "Input should be a valid integer, got a number with a fractional part";
      return ["int_from_float", message];
    }
    if (typeof value !== "string") return ["int_type", "Input should be a valid integer"];
    return ["int_parsing", "Input should be a valid integer, unable to parse string as an integer"];
  },
};

function checkRanges(body: Json): void {
  const read = (name: string) => typeof body[name] === "number" ? body[name] : undefined;
  const n = read("n") ?? 1;
  if (n < 1) throw badRequest(`n must be at least 1, got ${n}.`);
  if (n > MAX_N) {
    const message = `n must be at most ${MAX_N}, got ${n}. To increase this limit, set the ` +
      "VLLM_MAX_N_SEQUENCES environment variable.";
    throw badRequest(message);
  }
  for (const name of ["presence_penalty", "frequency_penalty"]) {
    const penalty = read(name) ?? 0;
    if (Math.abs(penalty) > 2) {
      throw badRequest(`${name} must be in [-2, 2], got ${float(penalty)}.`);
    }
  }
  const repetition = read("repetition_penalty") ?? 1;
  if (repetition <= 0) {
    throw badRequest(`repetition_penalty must be greater than zero, got ${float(repetition)}.`);
  }
  const temperature = read("temperature") ?? 1;
  const refuse = (name: string, rule: string, value: number) =>
    invalidValue(`${name} must be ${rule}, got ${float(value)}.`, name, float(value));
  if (temperature < 0) throw refuse("temperature", "non-negative", temperature);
  if (temperature > 2) throw refuse("temperature", "in [0, 2]", temperature);
  const topP = read("top_p") ?? 1;
  if (topP <= 0 || topP > 1) throw refuse("top_p", "in (0, 1]", topP);
  const topK = read("top_k") ?? 0;
  if (topK < -1) throw badRequest(`top_k must be 0 (disable), or at least 1, got ${topK}.`);
  const minP = read("min_p") ?? 0;
  if (minP < 0 || minP > 1) throw badRequest(`min_p must be in [0, 1], got ${float(minP)}.`);
}

/** Writes a number as Python writes a float. */
function float(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
