/** An event of a client before its session has a model, as vLLM reads it. */
export type OpeningEvent =
  | { readonly kind: "update"; readonly model: string }
  /** Audio, which may come before the model. */
  | { readonly kind: "append" }
  /** What vLLM answers with an error, after which the session goes on. */
  | { readonly kind: "error"; readonly message: string; readonly code: string };

const error = (message: string, code: string): OpeningEvent => ({ kind: "error", message, code });

/** Reads an event of a client whose session has no model yet. */
export function readOpeningEvent(text: string): OpeningEvent {
  const event = parse(text);
  if (event === undefined) return error("Invalid JSON", "invalid_json");
  switch (event.type) {
    case "session.update":
      return typeof event.model === "string" && event.model !== ""
        ? { kind: "update", model: event.model }
        : error("Missing required field: model", "invalid_event");
    case "input_audio_buffer.append":
      return { kind: "append" };
    case "input_audio_buffer.commit":
      return error(
        "Model not validated. Make sure to validate the model by sending a session.update event.",
        "model_not_validated",
      );
    default:
      return error(`Unknown event type: ${typeText(event.type).slice(0, 100)}`, "unknown_event");
  }
}

const typeText = (type: unknown) =>
  typeof type === "string" ? type : JSON.stringify(type) ?? "none";

/**
 * Returns a client's `session.update` with `model` in place of `asked`; `undefined` for any other
 * event.
 */
export function renamedUpdate(text: string, asked: string, model: string): string | undefined {
  const event = parse(text);
  if (event?.type !== "session.update" || event.model !== asked) return undefined;
  return JSON.stringify({ ...event, model });
}

/** Whether a server's event is the one that begins each session. */
export function isSessionCreated(text: string): boolean {
  return parse(text)?.type === "session.created";
}

/** The event that begins a session. `created` is in seconds since 1970. */
export function sessionCreated(id: string, created: number): string {
  return JSON.stringify({ type: "session.created", id, created });
}

/** The event that reports an error. */
export function realtimeError(message: string, code: string): string {
  return JSON.stringify({ type: "error", error: message, code });
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
