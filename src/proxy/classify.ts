import { type ApiError, badRequest } from "./errors.ts";
import { isNestedDeeper } from "./nesting.ts";

/** What the router needs to know of a request's body. */
export interface Asked {
  /** `undefined` where the body names none: any server may answer by its own default. */
  readonly model: string | undefined;
  /** The client asked for a stream. */
  readonly stream: boolean;
}

/** No schema of a tool is as deep; servers' parsers stop soon after. */
const DEEPEST = 128;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads `model` and `stream` from a JSON object or, for uploads, from a multipart form. */
export async function classify(
  body: Uint8Array<ArrayBuffer>,
  contentType: string | null,
): Promise<Asked | ApiError> {
  return contentType?.toLowerCase().startsWith("multipart/form-data")
    ? await classifyForm(body, contentType)
    : classifyJson(body);
}

function classifyJson(body: Uint8Array): Asked | ApiError {
  if (isNestedDeeper(body, DEEPEST)) {
    return badRequest(`The body is nested deeper than ${DEEPEST} levels.`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(decoder.decode(body));
  } catch {
    return badRequest("The body is not valid JSON.");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    return badRequest("The body is not a JSON object.");
  }
  const { model, stream } = parsed as { model?: unknown; stream?: unknown };
  if (model !== undefined && model !== null && typeof model !== "string") {
    return badRequest("`model` is not a text.", "model");
  }
  return { model: model ?? undefined, stream: stream === true };
}

async function classifyForm(
  body: Uint8Array<ArrayBuffer>,
  contentType: string,
): Promise<Asked | ApiError> {
  try {
    const form = await new Response(body, {
      headers: { "content-type": contentType },
    }).formData();
    // Two parsers may choose differently between two.
    if (form.getAll("model").length > 1) {
      return badRequest("The form names several models.", "model");
    }
    const model = form.get("model");
    return {
      model: typeof model === "string" ? model : undefined,
      stream: form.get("stream") === "true",
    };
  } catch {
    return badRequest("The body is not a valid multipart form.");
  }
}
