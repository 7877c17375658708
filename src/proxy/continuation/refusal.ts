import type { Refused } from "../request/continuable.ts";
import type { KeptStream } from "./kept_stream.ts";
import { hasMedia, hasTools } from "./next_body.ts";

/** Why a stream that broke off isn't continued. */
export type NotContinued =
  | Refused
  /** The server told no token ids, or there was no memory to keep them. */
  | "no_ids"
  | "tool_call"
  | "harmony"
  | "media"
  /** A server's parser holds back a part of a token. */
  | "held_text"
  /** The servers began their answer anew, and can't be told by text what was sent. */
  | "began_anew"
  | "too_many"
  | "breaks_servers"
  | "retry_budget"
  | "no_server"
  | "servers_failed"
  | "router_stops"
  | "client_left";

/**
 * `<|start|>` in the vocabulary of gpt-oss. Its parser reads a whole message with its header, and
 * would take the rest of one for a header.
 */
const HARMONY = /(?:^|,)200006,/;

/**
 * Returns why a stream can't go on at another server because of what it is; `undefined` if it can.
 */
export function whyNot(kept: KeptStream): NotContinued | undefined {
  if (kept.isLost || kept.promptIds === undefined || !kept.identity) return "no_ids";
  // What follows would be taken for text.
  if (kept.hasToolCall && !kept.hasFinished) return "tool_call";
  if (hasMedia(kept)) return "media";
  if (kept.endpoint === "chat" && HARMONY.test(kept.promptIds)) return "harmony";
  return undefined;
}

/** Whether a server's parser may have held back a part of the text. */
export function mayHoldText(kept: KeptStream): boolean {
  return kept.endpoint === "chat" && (hasTools(kept) || isReasoning(kept));
}

/** Whether what was sent can be told as the last message: it is nothing but its content. */
export function canSendText(kept: KeptStream): boolean {
  return kept.endpoint === "chat" && !isReasoning(kept) && !hasTools(kept);
}

function isReasoning({ field, hasChangedField }: KeptStream): boolean {
  return hasChangedField || (field !== undefined && field !== "content");
}
