import type { ApiError } from "../../http/api_errors.ts";
import { concat } from "../../util/bytes.ts";
import { errorBody, type ErrorFormat } from "../../http/error_answer.ts";

/** What an error event refers to. */
export interface Failing {
  readonly format: ErrorFormat;
  /** The request's id. */
  readonly id: string;
  /** What the client was sent first: the events before the first token, if any. */
  readonly preamble: Uint8Array | undefined;
  /** The last bytes that the client was sent. */
  readonly tail: Uint8Array | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const latin1 = new TextDecoder("latin1");

/**
 * Returns the events that report an error in a stream, in the endpoint's format. They start with a
 * blank line, which separates them from a truncated event.
 */
export function errorEvents(error: ApiError, failing: Failing): Uint8Array<ArrayBuffer> {
  const { format, id } = failing;
  switch (format) {
    case "openai":
      return encoder.encode(`\n\ndata: ${errorBody(error)}\n\n`);
    case "anthropic":
      return encoder.encode(`\n\nevent: error\ndata: ${errorBody(error, format, id)}\n\n`);
    case "responses":
      return encoder.encode(`\n\n${responsesEvents(error, failing)}`);
  }
}

/** An error event without a name, which Anthropic's SDKs ignore. */
const NAMELESS = /(^|\n\n)(?=data: ?\{"(?:error"|type": ?"error"))/;

/** Begins a JSON document, which is no event. */
const BRACE = 0x7b;

/** Gives a server's error event its name, in the format that requires one. */
export function withName(
  events: Uint8Array<ArrayBuffer>,
  format: ErrorFormat,
): Uint8Array<ArrayBuffer> {
  if (format !== "anthropic" || events[0] === BRACE) return events;
  const at = NAMELESS.exec(latin1.decode(events));
  if (!at) return events;
  const end = at.index + at[0].length;
  return concat([events.slice(0, end), encoder.encode("event: error\n"), events.slice(end)]);
}

/**
 * An `error` event, which OpenAI's SDKs throw with its message, and the `response.failed` that ends
 * a stream of `/v1/responses`, whose message Codex shows.
 */
function responsesEvents(
  error: ApiError,
  { id, preamble, tail }: Omit<Failing, "format">,
): string {
  const begun = preamble ? decoder.decode(preamble) : "";
  const number = nextNumber(tail ? begun + decoder.decode(tail) : begun);
  const { message, param = null } = error;
  const code = codeOf(error);
  const failed = {
    ...(responseIn(begun) ?? unseen(id)),
    status: "failed",
    error: { code, message },
  };
  return [
    { type: "error", code, message, param, sequence_number: number },
    { type: "response.failed", response: failed, sequence_number: number + 1 },
  ].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
}

/** Of these events OpenAI lists the codes. */
function codeOf({ status, code }: ApiError): string {
  if (status === 429) return "rate_limit_exceeded";
  return status >= 500 ? "server_error" : code;
}

/** The number after the last one in a text. */
function nextNumber(sent: string): number {
  const last = [...sent.matchAll(/"sequence_number": ?(\d{1,9})\b/g)].at(-1);
  return last ? Number(last[1]) + 1 : 0;
}

/** The response that the first event has announced. */
function responseIn(preamble: string): Record<string, unknown> | undefined {
  const [, data] = /^data: ?(\{.*\})\r?$/m.exec(preamble) ?? [];
  try {
    const { response } = JSON.parse(data ?? "{}");
    return typeof response === "object" && response !== null ? response : undefined;
  } catch {
    return undefined;
  }
}

/** A response of which the client has seen nothing: what strict clients need of one. */
function unseen(id: string): Record<string, unknown> {
  return {
    id: `resp_${id}`,
    object: "response",
    created_at: Math.floor(Date.now() / 1000),
    model: "",
    output: [],
    parallel_tool_calls: true,
    tool_choice: "auto",
    tools: [],
    incomplete_details: null,
    instructions: null,
    metadata: null,
    temperature: null,
    top_p: null,
  };
}
