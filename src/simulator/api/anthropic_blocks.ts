import { namedEvent } from "../inference/stream_frame.ts";
import type { ParsedMessage } from "./chat_answer.ts";
import type { Json } from "./body.ts";
import type { Piece } from "./chat_parser.ts";

/** Writes a stream's content blocks, one after the other. */
export interface BlockWriter {
  /** Returns the events for a piece of the answer. */
  add(piece: Piece): string;
  /** Returns the events that close the open block. */
  close(): string;
}

const TYPES = { content: "text", reasoning: "thinking", call: "tool_use", arguments: "tool_use" };

/** @param callId names a call by its place */
export function createBlockWriter(
  callId: (call: number) => string,
  signature: string,
): BlockWriter {
  let index = 0;
  let open: string | undefined;
  const delta = (type: string, name: string, text: string) =>
    namedEvent("content_block_delta", { delta: { type, [name]: text }, index });

  function start(type: string, content_block: Json): string {
    const closed = close();
    open = type;
    return closed + namedEvent("content_block_start", { content_block, index });
  }

  function close(): string {
    if (open === undefined) return "";
    const signed = open === "thinking" ? delta("signature_delta", "signature", signature) : "";
    open = undefined;
    return signed + namedEvent("content_block_stop", { index: index++ });
  }

  return {
    add(piece) {
      const type = TYPES[piece.kind];
      if (piece.kind === "call") {
        const { name } = piece;
        return start(type, { type, id: callId(piece.index), name, input: {} });
      }
      if (piece.text === "") return "";
      if (piece.kind === "arguments") {
        return delta("input_json_delta", "partial_json", piece.text);
      }
      const field = piece.kind === "content" ? "text" : "thinking";
      const begin = open === type ? "" : start(type, { type, [field]: "" });
      return begin + delta(`${field}_delta`, field, piece.text);
    },
    close,
  };
}

/** Returns the content of a whole answer. */
export function blocksOf(
  { reasoning, content, calls }: ParsedMessage,
  callId: (call: number) => string,
  signature: string,
): Json[] {
  const blocks: Json[] = [];
  if (reasoning) blocks.push({ type: "thinking", signature, thinking: reasoning });
  if (content) blocks.push({ type: "text", text: content });
  calls.forEach((call, index) => {
    const input = parsedInput(call.arguments);
    blocks.push({ type: "tool_use", id: callId(index), name: call.name, input });
  });
  return blocks.length > 0 ? blocks : [{ type: "text", text: "" }];
}

/** A call that `max_tokens` cuts off has no input yet. */
function parsedInput(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
