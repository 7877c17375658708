import { Buffer, isUtf8 } from "node:buffer";
import { concat } from "./bytes.ts";
import { type ApiError, badRequest } from "./errors.ts";
import type { Work } from "../fleet/work.ts";
import { membersOf, MOST_MEMBERS, type Span, type Unreadable, valueIn } from "./json_members.ts";
import { describeWork, PROMPT_MEMBERS } from "./work_of.ts";

/** What the router needs to know of a request's body. */
export interface Asked {
  /** The client asked for a stream. */
  readonly stream: boolean;
  /** What it will cost; without a model any server may answer by its own default. */
  readonly work: Work;
}

/** What of a request doesn't stand in its body. */
export interface Around {
  /** What the client says in a header belongs together. */
  readonly session?: string | undefined;
  /** A prompt is to be computed. */
  readonly asksEngine?: boolean;
}

/** Far longer than any model's name. */
const LONGEST_MODEL = 1_024;
/** No schema of a tool is as deep; servers' parsers stop soon after. */
const DEEPEST = 128;
/** Of a form, with its head. */
const LONGEST_FIELD = 16 * 1024;
/** Far more fields than an upload has; each costs the parser more than its sender. */
const MOST_PARTS = 100;

/** What there is to compute where no engine is asked, which has no first token. */
const NO_PROMPT = { promptBytes: 0, blocks: [], session: undefined, stream: false } as const;

const MEMBERS = ["model", "stream", ...PROMPT_MEMBERS] as const;

const PROBLEMS: Readonly<Record<Unreadable, string>> = {
  not_json: "The body is not valid JSON.",
  no_object: "The body is not a JSON object.",
  too_many: `The body has more than ${MOST_MEMBERS} members.`,
  too_deep: `The body is nested deeper than ${DEEPEST} levels.`,
};

/** Reads what is asked for from a JSON object or, for uploads, from a multipart form. */
export async function classify(
  body: Uint8Array<ArrayBuffer>,
  contentType: string | null,
  around: Around = {},
): Promise<Asked | ApiError> {
  return contentType?.toLowerCase().startsWith("multipart/form-data")
    ? await classifyForm(body, contentType, around)
    : classifyJson(body, around);
}

function classifyJson(
  body: Uint8Array,
  { session, asksEngine = true }: Around,
): Asked | ApiError {
  if (!isUtf8(body) || body.includes(0)) return badRequest(PROBLEMS.not_json);
  const members = membersOf(body, MEMBERS, DEEPEST);
  if (typeof members === "string") return badRequest(PROBLEMS[members]);
  // It would be parsed, which takes long where it is something else than a name.
  if (members.model && lengthOf(members.model) > LONGEST_MODEL) return modelTooLong;
  const model = members.model ? valueIn(body, members.model) : undefined;
  if (members.model && model === undefined) return badRequest(PROBLEMS.not_json);
  if (model !== undefined && model !== null && typeof model !== "string") {
    return badRequest("`model` is not a text.", "model");
  }
  const isStream = members.stream && lengthOf(members.stream) === "true".length &&
    valueIn(body, members.stream) === true;
  const options = { model: model ?? undefined, stream: isStream === true, session };
  const work = asksEngine ? describeWork(body, members, options) : { ...options, ...NO_PROMPT };
  return { stream: options.stream, work };
}

const modelTooLong = badRequest(`\`model\` is longer than ${LONGEST_MODEL} bytes.`, "model");

function lengthOf([start, end]: Span): number {
  return end - start;
}

async function classifyForm(
  body: Uint8Array<ArrayBuffer>,
  contentType: string,
  { session }: Around,
): Promise<Asked | ApiError> {
  const boundary = boundaryIn(contentType);
  if (boundary === undefined) return badRequest(NO_FORM);
  const short = shortened(body, boundary);
  if (!short) return badRequest(`The form has more than ${MOST_PARTS} parts.`);
  try {
    const form = await new Response(short, {
      headers: { "content-type": contentType },
    }).formData();
    // Two parsers may choose differently between two.
    const models = form.getAll("model");
    if (models.length > 1) return badRequest("The form names several models.", "model");
    const [model] = models;
    if (typeof model === "string" && model.length > LONGEST_MODEL) return modelTooLong;
    const stream = form.get("stream") === "true";
    const options = { model: typeof model === "string" ? model : undefined, stream, session };
    return { stream, work: describeWork(body, {}, options) };
  } catch {
    return badRequest(NO_FORM);
  }
}

const NO_FORM = "The body is not a valid multipart form.";

/** What stands between the parts. Of several, or of an escaped one, parsers make different things. */
function boundaryIn(contentType: string): string | undefined {
  const found = [...contentType.matchAll(/boundary=(?:"([^"]+)"|([^";,\s]+))/gi)];
  if (found.length !== 1 || contentType.includes("\\")) return undefined;
  return `--${found[0]![1] ?? found[0]![2]}`;
}

/**
 * A form without the rest of each part that is longer than any field: to parse a file takes long,
 * and all streams wait meanwhile. A part's last bytes stay, as they make the boundary one.
 *
 * @returns `undefined` where it has more parts than a form has
 */
function shortened(
  body: Uint8Array<ArrayBuffer>,
  boundary: string,
): Uint8Array<ArrayBuffer> | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const kept: Uint8Array<ArrayBuffer>[] = [];
  const keep = (part: Uint8Array<ArrayBuffer>) => {
    if (part.length <= LONGEST_FIELD) kept.push(part);
    else kept.push(part.subarray(0, LONGEST_FIELD), part.subarray(-"\r\n".length));
  };
  let start = 0;
  let boundaries = 0;
  for (let at = bytes.indexOf(boundary); at !== -1; at = bytes.indexOf(boundary, at + 1)) {
    // The last boundary ends the form.
    if (++boundaries > MOST_PARTS + 1) return undefined;
    keep(body.subarray(start, at));
    start = at;
  }
  keep(body.subarray(start));
  return concat(kept);
}
