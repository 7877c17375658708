import { isObject } from "../api/body.ts";
import { instanceOf } from "./json_instance.ts";

/** A function that an answer may call. */
export interface Tool {
  readonly name: string;
  /** JSON schema of its arguments. */
  readonly parameters: unknown;
}

/** Whether an answer calls a tool, and which. */
export type ToolChoice = "auto" | "required" | "none" | { readonly name: string };

/** A call in an answer. */
export interface Call {
  readonly name: string;
  /** As JSON. */
  readonly arguments: string;
}

/** Most calls in one answer. */
const MAX_CALLS = 8;
/** `Use a tool`, `call the function`. */
const ASKS = /\b(?:use|using|call|run|invoke)\b[^.?!]*\b(?:tools?|functions?)\b/i;
/** Shorter words, and these, say nothing about a tool. */
const MIN_WORD = 4;
const COMMON = new Set([
  "tool",
  "tools",
  "function",
  "call",
  "with",
  "from",
  "make",
  "this",
  "that",
]);

/**
 * Decides which tools an answer calls. With `auto` it calls those whose names, or words of them, are
 * in the user's message, or the first one if the message asks for a tool.
 *
 * @param userText the last message if it is the user's; an answer to a tool's result is text
 */
export function chooseCalls(
  tools: readonly Tool[],
  choice: ToolChoice,
  userText: string | undefined,
  isParallel: boolean,
): readonly Call[] {
  const chosen = chooseTools(tools, choice, userText).slice(0, isParallel ? MAX_CALLS : 1);
  return chosen.map(({ name, parameters }) => ({
    name,
    arguments: JSON.stringify(
      instanceOf({ type: "object", ...isObject(parameters) && parameters }),
    ),
  }));
}

function chooseTools(
  tools: readonly Tool[],
  choice: ToolChoice,
  userText = "",
): readonly Tool[] {
  if (choice === "none") return [];
  if (typeof choice === "object") return tools.filter(({ name }) => name === choice.name);
  const words = new Set(wordsOf(userText));
  const meant = tools.filter(({ name }) =>
    userText.includes(name) || wordsOf(name).some((word) => words.has(word))
  );
  if (meant.length > 0) return meant;
  return choice === "required" || ASKS.test(userText) ? tools.slice(0, 1) : [];
}

function wordsOf(text: string): string[] {
  const split = text.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase().split(/[^\p{L}\p{N}]+/u);
  return split.filter((word) => word.length >= MIN_WORD && !COMMON.has(word));
}
