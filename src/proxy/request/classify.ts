import { isUtf8 } from "node:buffer";
import { textOf } from "../../util/bytes.ts";
import { pathIn } from "../../http/paths.ts";
import { type ApiError, badRequest } from "../../http/api_errors.ts";
import type { PromptProfile } from "../../fleet/estimate/prompt_profile.ts";
import { DEEPEST, membersOf, MOST_MEMBERS, type Unreadable, valueIn } from "./json_members.ts";
import type { Span } from "./json_scan.ts";
import { boundaryIn, type Part, partsOf } from "./multipart.ts";
import { SLICE_BYTES, type Walk } from "../../util/walk.ts";
import { type Continuable, continuableIn, CONTINUATION_MEMBERS } from "./continuable.ts";
import { type ModelPlace, placeInForm, placeInJson } from "./model_place.ts";
import { fingerprint, PROMPT_MEMBERS } from "./fingerprint.ts";

/** What the router needs to know about a request's body. */
export interface ParsedRequest {
  /** The client asked for a stream. */
  readonly stream: boolean;
  /** The profile of its work; if it names no model, any server may answer with its default. */
  readonly profile: PromptProfile;
  /** Whether another server can go on with its answer. */
  readonly continuable: Continuable;
  /** The id of the stored response that it refers to, if any. */
  readonly refersTo?: string | undefined;
  /** Where the body names its model. */
  readonly modelPlace: ModelPlace;
}

/** Facts about a request that are not in its body. */
export interface Around {
  /** The client's session, from a header. */
  readonly session?: string | undefined;
  /** The endpoint runs the engine on a prompt. @default true */
  readonly asksEngine?: boolean;
  /** The path, with its query. @default one whose streams can't be continued */
  readonly target?: string;
}

/** Far longer than any model's name, in bytes. */
const LONGEST_MODEL = 1_024;
/** The prompt of a request that runs no engine and has no first token. */
const NO_PROMPT = { promptBytes: 0, blocks: [], session: undefined, stream: false } as const;

const MEMBERS = ["model", "stream", ...PROMPT_MEMBERS, ...CONTINUATION_MEMBERS] as const;

const PROBLEMS: Readonly<Record<Unreadable, string>> = {
  not_json: "The body is not valid JSON.",
  no_object: "The body is not a JSON object.",
  too_many: `The body has more than ${MOST_MEMBERS} members.`,
  too_deep: `The body is nested deeper than ${DEEPEST} levels.`,
};

/** Reads a request from a JSON object or, for uploads, from a multipart form. */
export function* classify(
  body: Uint8Array,
  contentType: string | null,
  around: Around = {},
): Walk<ParsedRequest | ApiError> {
  // Anything that a server might parse as a form is parsed as one.
  return contentType?.toLowerCase().includes("multipart/")
    ? yield* classifyForm(body, contentType, around)
    : yield* classifyJson(body, around);
}

function* classifyJson(
  body: Uint8Array,
  { session, asksEngine = true, target = "" }: Around,
): Walk<ParsedRequest | ApiError> {
  if (!(yield* isText(body))) return badRequest(PROBLEMS.not_json);
  const members = yield* membersOf(body, MEMBERS, DEEPEST);
  if (typeof members === "string") return badRequest(PROBLEMS[members]);
  const { values } = members;
  // The value is parsed below, which takes long for anything but a name.
  if (values.model && lengthOf(values.model) > LONGEST_MODEL) return modelTooLong;
  const model = values.model ? valueIn(body, values.model) : undefined;
  if (values.model && model === undefined) return badRequest(PROBLEMS.not_json);
  if (model !== undefined && model !== null && typeof model !== "string") {
    return badRequest("`model` is not a text.", "model");
  }
  const isStream = values.stream && lengthOf(values.stream) === "true".length &&
    valueIn(body, values.stream) === true;
  const options = { model: model || undefined, stream: isStream === true, session };
  const profile = asksEngine ? fingerprint(body, members, options) : { ...options, ...NO_PROMPT };
  const continuable = continuableIn(target, body, values, options.stream);
  const modelPlace = placeInJson(body, values.model);
  const previous = pathIn(target) === "/v1/responses" && values.previous_response_id;
  const refersTo = previous ? idIn(body, previous) : undefined;
  return { stream: options.stream, profile, continuable, refersTo, modelPlace };
}

/** Ids that no server gives are left to the server. */
function idIn(body: Uint8Array, span: Span): string | undefined {
  const id = lengthOf(span) <= LONGEST_MODEL ? valueIn(body, span) : undefined;
  return typeof id === "string" && id !== "" ? id : undefined;
}

/** Whether these bytes are UTF-8 without NUL, which JSON never contains. */
function* isText(body: Uint8Array): Walk<boolean> {
  for (let start = 0; start < body.length;) {
    let end = Math.min(body.length, start + SLICE_BYTES);
    // Don't split a character: up to three bytes follow its first.
    for (let i = 0; i < 3 && (body[end]! & 0xc0) === 0x80; i++) end--;
    const slice = body.subarray(start, end);
    if (!isUtf8(slice) || slice.includes(0)) return false;
    start = end;
    if (start < body.length) yield;
  }
  return true;
}

const modelTooLong = badRequest(`\`model\` is longer than ${LONGEST_MODEL} bytes.`, "model");

function lengthOf([start, end]: Span): number {
  return end - start;
}

function* classifyForm(
  body: Uint8Array,
  contentType: string,
  { session }: Around,
): Walk<ParsedRequest | ApiError> {
  const boundary = boundaryIn(contentType);
  if (boundary === undefined) return badRequest(BAD_FORM_TYPE);
  const parts = yield* partsOf(body, boundary);
  if (typeof parts === "string") return badRequest(parts);
  const model = fieldIn(body, parts, "model");
  if (model !== undefined && typeof model !== "string") return model;
  const streamText = fieldIn(body, parts, "stream");
  if (streamText !== undefined && typeof streamText !== "string") return streamText;
  const stream = streamText !== undefined && TRUE.test(streamText);
  const options = { model: model || undefined, stream, session };
  const profile = fingerprint(body, { values: {}, longStrings: [] }, options);
  const modelPlace = placeInForm(boundary, parts.find(({ name }) => name === "model")?.value);
  return { stream, profile, continuable: { refused: "endpoint" }, modelPlace };
}

const BAD_FORM_TYPE =
  "The content type of a form must be `multipart/form-data; boundary=...`, with a boundary of " +
  "1 to 70 plain characters.";

/** The texts that servers read as true in a form. */
const TRUE = /^(?:true|t|yes|y|on|1)$/i;

/** Returns the text of a field; `undefined` if the form doesn't have it. */
function fieldIn(
  body: Uint8Array,
  parts: readonly Part[],
  name: "model" | "stream",
): string | ApiError | undefined {
  const [part, second] = parts.filter((part) => part.name === name);
  if (!part) return undefined;
  // Of two fields with one name, parsers may choose differently.
  if (second) return badRequest(`The form has several fields \`${name}\`.`, name);
  if (part.isFile) return badRequest(`\`${name}\` is a file.`, name);
  if (lengthOf(part.value) > LONGEST_MODEL) {
    return badRequest(`\`${name}\` is longer than ${LONGEST_MODEL} bytes.`, name);
  }
  return textOf(body.subarray(...part.value)) ??
    badRequest(`\`${name}\` is not valid UTF-8.`, name);
}
