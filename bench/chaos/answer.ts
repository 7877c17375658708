import type { Got } from "./client.ts";

/** The content of an answer, as far as it arrived. */
export interface Said {
  /** The text of its tokens. */
  readonly text: string;
  /** The distinct ids in its events or its document. */
  readonly ids: readonly string[];
  readonly finishReason: string | undefined;
  /** Its end arrived: a stream's `[DONE]`, or a document's last brace. */
  readonly done: boolean;
  /** The error, if the last event or the document is one. */
  readonly error: { readonly code?: unknown; readonly message?: unknown } | undefined;
  /** Some of it can't be parsed. */
  readonly garbage: boolean;
}

/** The relevant fields of an event or a document. */
interface Part {
  readonly id?: string;
  readonly error?: Said["error"];
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content?: string };
    readonly finish_reason?: string | null;
  }[];
}

/** Parses a chat's answer, which is a stream or a document. */
export function readAnswer(
  { headers, body, ended }: Pick<Got, "headers" | "body" | "ended">,
): Said {
  const isStream = headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const pieces = isStream ? dataOf(body) : [body];
  const ids = new Set<string>();
  let text = "";
  let finishReason: string | undefined;
  let done = false;
  let garbage = false;
  let error: Said["error"];
  pieces.forEach((piece, index) => {
    if (piece === "[DONE]") return void (done = true);
    const part = parse(piece);
    if (part === undefined) {
      // The last event of a stream may be truncated and followed by an error.
      garbage ||= ended === "clean" || index < pieces.length - 2;
      return;
    }
    if (part.id !== undefined) ids.add(part.id);
    error = part.error;
    for (const { delta, message, finish_reason } of part.choices ?? []) {
      text += delta?.content ?? message?.content ?? "";
      finishReason ??= finish_reason ?? undefined;
    }
    done = !isStream;
  });
  return { text, ids: [...ids], finishReason, done, error, garbage };
}

/** Returns the data of a stream's events, without comments. The last piece may be truncated. */
function dataOf(body: string): string[] {
  return body.split("\n\n").map((event) => event.trim())
    .filter((event) => event !== "" && !event.startsWith(":"))
    .map((event) => event.startsWith("data: ") ? event.slice("data: ".length) : event);
}

function parse(text: string): Part | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
