import { pathIn } from "../../http/paths.ts";
import type { TextEndpoint } from "../../vllm/text_event.ts";
import type { Refused } from "../continuation/not_continued.ts";
import { type Members, valueIn } from "./json_members.ts";
import type { Span } from "./json_scan.ts";

/** How another server can be asked for the rest of a stream. */
export type Endpoint = "chat" | "completions" | TextEndpoint;

/** Whether answers tell their token ids. Otherwise their text has to tell them. */
export function tellsIds(endpoint: Endpoint): endpoint is "chat" | "completions" {
  return endpoint === "chat" || endpoint === "completions";
}

/** Whether a stream can be continued on another server. */
export type Continuable =
  | {
    readonly endpoint: Endpoint;
    /** The client asked for token ids itself. */
    readonly asksIds: boolean;
  }
  | { readonly refused: Refused };

const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  "/v1/chat/completions": "chat",
  "/v1/completions": "completions",
  "/v1/messages": "messages",
  "/v1/responses": "responses",
};

/** A longer body isn't kept until its answer has ended. */
const LONGEST_BODY = 1024 * 1024;
/** A longer option is none of those that are read here. */
const LONGEST_OPTION = 1_024;

/** Whether an option has a value that changes nothing. */
type Neutral = (value: unknown) => boolean;

const isOff: Neutral = (value) => value === null || value === false;
const isOne: Neutral = (value) => value === null || value === 1;
const isZero: Neutral = (value) => value === null || value === 0;
const isShort = (stop: unknown) => typeof stop === "string" && [...stop].length <= 1;

/** Which values of an option can be continued; without any, the option isn't a reason to refuse. */
const OPTIONS: readonly (readonly [name: string, why: Refused, isFine: Neutral])[] = [
  ["n", "several_answers", isOne],
  ["best_of", "several_answers", isOne],
  ["use_beam_search", "several_answers", isOff],
  // A server begins again at the first number of the seed.
  ["seed", "seed", isOff],
  // They count the answer's tokens only, and the next server gets what was sent as its prompt.
  ["presence_penalty", "penalties", isZero],
  ["frequency_penalty", "penalties", isZero],
  // Servers hold the beginning of a stop string back, and don't look for one across the seam.
  ["stop", "stop_strings", (stop) => isOff(stop) || [stop].flat().every(isShort)],
  ["stop_sequences", "stop_strings", (stop) => isOff(stop) || [stop].flat().every(isShort)],
  // The grammar would begin again.
  ["response_format", "structured_output", (value) => isOff(value) || typeOf(value) === "text"],
  ["structured_outputs", "structured_output", isOff],
  ["guided_json", "structured_output", isOff],
  ["guided_regex", "structured_output", isOff],
  ["guided_choice", "structured_output", isOff],
  ["guided_grammar", "structured_output", isOff],
  // `/v1/responses` and `/v1/messages` have their formats elsewhere.
  ["text", "structured_output", (value) => isOff(value) || isPlain(tableOf(value).format)],
  ["output_config", "structured_output", (value) => isOff(value) || isOff(formatIn(value))],
  ["tool_choice", "tool_choice", (value) => isOff(value) || FREE_CHOICES.has(choiceIn(value))],
  ["function_call", "tool_choice", isOff],
  ["prompt_logprobs", "prompt_logprobs", isOff],
  ["echo", "echo", isOff],
  ["suffix", "special_input", isOff],
  ["prompt_embeds", "special_input", isOff],
  ["kv_transfer_params", "special_input", isOff],
  ["truncate_prompt_tokens", "special_input", isOff],
  ["thinking_token_budget", "special_input", isOff],
  ["thinking", "special_input", (value) => isOff(value) || typeOf(value) !== "enabled"],
  // Only the server that has answered before knows these.
  ["previous_response_id", "special_input", isOff],
  // Other values than those above are wrong.
  ["background", "special_input", isOff],
  ["truncation", "special_input", (value) => value === null || value === "disabled"],
  ["enable_response_messages", "special_input", isOff],
  // Servers leave the ids out, which would tell what the hidden text is.
  ["include_reasoning", "special_input", (value) => value === null || value === true],
];

const IDS = "return_token_ids";

/** The members of a body that {@linkcode continuableIn} reads. */
export const CONTINUATION_MEMBERS: readonly string[] = [...OPTIONS.map(([name]) => name), IDS];

/** Decides whether the stream that a request asks for can be continued, by its options. */
export function continuableIn(
  target: string,
  body: Uint8Array,
  values: Members<string>["values"],
  stream: boolean,
): Continuable {
  const endpoint = ENDPOINTS[pathIn(target)];
  if (!endpoint) return { refused: "endpoint" };
  if (!stream) return { refused: "not_streamed" };
  if (body.length > LONGEST_BODY) return { refused: "too_long" };
  // It goes on at its own server, whatever its options are, and is read again.
  if (isBackground(endpoint, body, values)) return { endpoint, asksIds: false };
  for (const [name, why, isFine] of OPTIONS) {
    const span = values[name];
    if (span && !isFine(optionIn(body, span))) return { refused: why };
  }
  if (endpoint === "completions" && isSeveral(body, values.prompt)) {
    return { refused: "several_answers" };
  }
  return { endpoint, asksIds: values[IDS] ? optionIn(body, values[IDS]) === true : false };
}

function isBackground(
  endpoint: Endpoint,
  body: Uint8Array,
  { background }: Members<string>["values"],
) {
  return endpoint === "responses" && background !== undefined &&
    optionIn(body, background) === true;
}

/** Returns `undefined` for what is too long or no JSON, which no option takes as neutral. */
function optionIn(body: Uint8Array, span: Span): unknown {
  return span[1] - span[0] > LONGEST_OPTION ? undefined : valueIn(body, span);
}

type Json = Record<string, unknown>;

function tableOf(value: unknown): Json {
  return typeof value === "object" && value !== null ? value as Json : {};
}

const typeOf = (value: unknown) => tableOf(value).type;
const formatIn = (value: unknown) => tableOf(value).format ?? null;
const isPlain: Neutral = (format) => isOff(format ?? null) || typeOf(format) === "text";

/** Choices of tools that leave the model free to answer in text, as OpenAI and Anthropic name them. */
const FREE_CHOICES: ReadonlySet<unknown> = new Set(["auto", "none"]);
const choiceIn = (value: unknown) => typeof value === "object" ? typeOf(value) : value;

/** Whether a prompt is a list of texts or of lists of ids. */
function isSeveral(body: Uint8Array, prompt: Span | undefined): boolean {
  if (!prompt || body[prompt[0]] !== "[".charCodeAt(0)) return false;
  for (let at = prompt[0] + 1; at < prompt[1]; at++) {
    const char = String.fromCharCode(body[at]!);
    if (/\S/.test(char)) return !/\d/.test(char);
  }
  return true;
}
