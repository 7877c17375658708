import { Buffer, isUtf8 } from "node:buffer";
import { type ApiError, badRequest } from "./errors.ts";
import type { Work } from "../fleet/work.ts";
import { membersOf, type Unreadable, valueIn } from "./json_members.ts";
import { describeWork, PROMPT_MEMBERS } from "./work_of.ts";

/** What the router needs to know of a request's body. */
export interface Asked {
  /** The client asked for a stream. */
  readonly stream: boolean;
  /** What it will cost; without a model any server may answer by its own default. */
  readonly work: Work;
}

/** No schema of a tool is as deep; servers' parsers stop soon after. */
const DEEPEST = 128;
/** Far more fields than an upload has; each costs the parser more than its sender. */
const MOST_PARTS = 100;

const MEMBERS = ["model", "stream", ...PROMPT_MEMBERS] as const;

const PROBLEMS: Readonly<Record<Unreadable, string>> = {
  not_json: "The body is not valid JSON.",
  no_object: "The body is not a JSON object.",
  too_deep: `The body is nested deeper than ${DEEPEST} levels.`,
};

/**
 * Reads what is asked for from a JSON object or, for uploads, from a multipart form.
 *
 * @param session what the client says in a header belongs together
 */
export async function classify(
  body: Uint8Array<ArrayBuffer>,
  contentType: string | null,
  session?: string,
): Promise<Asked | ApiError> {
  return contentType?.toLowerCase().startsWith("multipart/form-data")
    ? await classifyForm(body, contentType, session)
    : classifyJson(body, session);
}

function classifyJson(body: Uint8Array, session: string | undefined): Asked | ApiError {
  if (!isUtf8(body) || body.includes(0)) return badRequest(PROBLEMS.not_json);
  const members = membersOf(body, MEMBERS, DEEPEST);
  if (typeof members === "string") return badRequest(PROBLEMS[members]);
  const model = members.model ? valueIn(body, members.model) : undefined;
  if (members.model && model === undefined) return badRequest(PROBLEMS.not_json);
  if (model !== undefined && model !== null && typeof model !== "string") {
    return badRequest("`model` is not a text.", "model");
  }
  const stream = members.stream ? valueIn(body, members.stream) : undefined;
  const options = { model: model ?? undefined, stream: stream === true, session };
  return { stream: options.stream, work: describeWork(body, members, options) };
}

async function classifyForm(
  body: Uint8Array<ArrayBuffer>,
  contentType: string,
  session: string | undefined,
): Promise<Asked | ApiError> {
  if (hasMoreParts(body, contentType, MOST_PARTS)) {
    return badRequest(`The form has more than ${MOST_PARTS} parts.`);
  }
  try {
    const form = await new Response(body, {
      headers: { "content-type": contentType },
    }).formData();
    // Two parsers may choose differently between two.
    const models = form.getAll("model");
    if (models.length > 1) return badRequest("The form names several models.", "model");
    const [model] = models;
    const stream = form.get("stream") === "true";
    const options = { model: typeof model === "string" ? model : undefined, stream, session };
    return { stream, work: describeWork(body, {}, options) };
  } catch {
    return badRequest("The body is not a valid multipart form.");
  }
}

function hasMoreParts(body: Uint8Array<ArrayBuffer>, contentType: string, most: number): boolean {
  const [, quoted, plain] = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType) ?? [];
  const boundary = `--${quoted ?? plain ?? ""}`;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let parts = 0;
  for (let at = bytes.indexOf(boundary); at !== -1; at = bytes.indexOf(boundary, at + 1)) {
    // The last boundary ends the form.
    if (++parts > most + 1) return true;
  }
  return false;
}
