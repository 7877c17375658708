import type { Got } from "./client.ts";

/** What an answer says, as far as it came. */
export interface Said {
  /** The text of its tokens. */
  readonly text: string;
  /** Every id that its events or its document carry, each once. */
  readonly ids: readonly string[];
  readonly finishReason: string | undefined;
  /** A stream's `[DONE]`, a document's last brace. */
  readonly done: boolean;
  /** The last event was an error, or the document is one. */
  readonly error: { readonly code?: unknown; readonly message?: unknown } | undefined;
  /** What it is can't be made out. */
  readonly garbage: boolean;
}

/** The fields of an event or a document that matter here. */
interface Part {
  readonly id?: string;
  readonly error?: Said["error"];
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content?: string };
    readonly finish_reason?: string | null;
  }[];
}

/** Reads a chat's answer, a stream or a document. */
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
      // The last event of a stream may have broken off in the middle, and be followed by an error.
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

/** What the events of a stream carry, without comments. A piece after the last blank line broke off. */
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
