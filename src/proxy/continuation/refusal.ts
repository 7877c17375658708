import { tellsIds } from "../request/continuable.ts";
import type { NotContinued } from "./not_continued.ts";
import type { KeptStream } from "./kept_stream.ts";
import { hasMedia, hasTools } from "./next_body.ts";

/**
 * `<|start|>` in the vocabulary of gpt-oss. Its parser reads a whole message with its header, and
 * would take the rest of one for a header.
 */
const HARMONY = /(?:^|,)200006,/;

/**
 * Returns why a stream can't go on at another server because of what it is; `undefined` if it can.
 */
export function whyNot(kept: KeptStream): NotContinued | undefined {
  if (kept.isLost || !hasBegun(kept)) return "no_ids";
  // What follows would be taken for text.
  if (kept.hasToolCall && !kept.hasFinished) return "tool_call";
  if (kept.hasOther && !kept.hasFinished) return "inexact";
  if (kept.request === "unreadable") return "special_input";
  if (hasMedia(kept)) return "media";
  if (kept.endpoint === "chat" && HARMONY.test(kept.promptIds!)) return "harmony";
  return undefined;
}

function hasBegun({ endpoint, promptIds, identity, opening }: KeptStream): boolean {
  return tellsIds(endpoint) ? promptIds !== undefined && !!identity : opening.length > 0;
}

/** Whether a server's parser may have held back a part of the text. */
export function mayHoldText(kept: KeptStream): boolean {
  return kept.endpoint === "chat" && (hasTools(kept) || isReasoning(kept));
}

/** Whether what was sent can be told as the last message: it is nothing but its content. */
export function canSendText(kept: KeptStream): boolean {
  return kept.endpoint === "chat" && !mayHoldText(kept);
}

/** Whether the answer has been nothing but text so far. */
export function isOnlyText(kept: KeptStream): boolean {
  return !kept.isLost && !kept.hasToolCall && !kept.hasOther && !isReasoning(kept);
}

function isReasoning({ field, hasChangedField }: KeptStream): boolean {
  return hasChangedField || (field !== undefined && field !== "content" && field !== "text");
}
