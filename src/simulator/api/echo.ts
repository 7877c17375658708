import type { Json } from "./body.ts";
import { detokenize } from "../inference/tokenizer.ts";
import type { Choice } from "../inference/wording.ts";

/** What a completion's text and logprobs tell of: its answer, its prompt before it, or both. */
export type Echo = "none" | "both" | "prompt";

/** Reads `echo`. With `max_tokens` 0, only the prompt is told, but vLLM generates one token. */
export function readEcho({ echo, max_tokens }: Json): Echo {
  if (echo !== true) return "none";
  return max_tokens === 0 ? "prompt" : "both";
}

/**
 * Returns what turns the text of an answer, or the first part of it, into the text to send.
 *
 * @param hasIds the answer tells the prompt's token ids, in which case vLLM leaves out its text
 */
export function echoing(body: Json, hasIds: boolean): (choice: Choice, text: string) => string {
  const echo = readEcho(body);
  if (echo === "none") return (_, text) => text;
  return ({ prompt }, text) => (hasIds ? "" : detokenize(prompt)) + (echo === "prompt" ? "" : text);
}
