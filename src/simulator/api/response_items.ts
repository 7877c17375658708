import type { Json } from "./body.ts";
import type { ParsedMessage } from "./chat_answer.ts";
import type { Piece } from "./chat_parser.ts";

/** Writes the output items of a response, one after the other. */
export interface ItemWriter {
  /** Adds a piece of the answer, and opens and closes items as it needs. */
  add(piece: Piece): void;
  close(): void;
  /** Closed items. */
  readonly items: readonly Json[];
}

/** The item that is open. */
interface OpenItem {
  readonly id: string;
  readonly kind: "content" | "reasoning" | "call";
  readonly call?: { readonly call_id: string; readonly name: string };
  text: string;
}

/**
 * @param id hexadecimal, for the items' ids
 * @param emit takes an event's type and data
 */
export function createItemWriter(
  id: string,
  emit: (type: string, data: Json) => void = () => {},
): ItemWriter {
  const items: Json[] = [];
  let open: OpenItem | undefined;
  const place = ({ id }: OpenItem) => ({ item_id: id, output_index: items.length });

  function start(kind: OpenItem["kind"], call?: OpenItem["call"]): OpenItem {
    close();
    const prefix = { content: "msg", reasoning: "rs", call: "fc" }[kind];
    const item: OpenItem = {
      id: `${prefix}_${id}${items.length}`,
      kind,
      text: "",
      ...(call && { call }),
    };
    const added = itemOf(item, "in_progress", []);
    emit("response.output_item.added", { output_index: items.length, item: added });
    if (kind !== "call") {
      emit(`response.${PART[kind].added}.added`, {
        ...place(item),
        content_index: 0,
        part: partOf(item),
      });
    }
    return open = item;
  }

  function close(): void {
    if (open === undefined) return;
    const item = open;
    const { kind, text } = item;
    const at = place(item);
    if (kind === "call") {
      const { name } = item.call!;
      emit("response.function_call_arguments.done", { ...at, arguments: text, name });
    } else {
      const { added, text: type } = PART[kind];
      const more = kind === "content" ? { logprobs: [] } : {};
      emit(`response.${type}.done`, { ...at, content_index: 0, text, ...more });
      emit(`response.${added}.done`, { ...at, content_index: 0, part: partOf(item) });
    }
    const done = itemOf(item, "completed", [partOf(item)]);
    emit("response.output_item.done", { output_index: items.length, item: done });
    items.push(done);
    open = undefined;
  }

  return {
    items,
    close,
    add(piece) {
      if (piece.kind === "call") {
        const call_id = `chatcmpl-tool-${id}${piece.index}`;
        return void start("call", { call_id, name: piece.name });
      }
      const kind = piece.kind === "arguments" ? "call" : piece.kind;
      if (piece.text === "") return;
      const item = open?.kind === kind ? open : start(kind);
      item.text += piece.text;
      const delta = { ...place(item), delta: piece.text };
      if (kind === "call") return emit("response.function_call_arguments.delta", delta);
      const more = kind === "content" ? { logprobs: [] } : {};
      emit(`response.${PART[kind].text}.delta`, { ...delta, content_index: 0, ...more });
    },
  };
}

const PART = {
  content: { added: "content_part", text: "output_text" },
  reasoning: { added: "reasoning_part", text: "reasoning_text" },
} as const;

function partOf({ kind, text }: OpenItem): Json {
  return kind === "content"
    ? { type: "output_text", text, annotations: [], logprobs: [] }
    : { type: "reasoning_text", text };
}

function itemOf({ id, kind, call, text }: OpenItem, status: string, content: Json[]): Json {
  switch (kind) {
    case "content":
      return { id, type: "message", role: "assistant", status, content, phase: null };
    case "reasoning":
      return { id, type: "reasoning", summary: [], status, content, encrypted_content: null };
    case "call":
      return { id, type: "function_call", ...call, arguments: text, status };
  }
}

/** Returns the output items of a whole answer. */
export function itemsOf({ reasoning, content, calls }: ParsedMessage, id: string): readonly Json[] {
  const writer = createItemWriter(id);
  writer.add({ kind: "reasoning", text: reasoning });
  writer.add({ kind: "content", text: content });
  calls.forEach((call, index) => {
    writer.add({ kind: "call", index, name: call.name });
    writer.add({ kind: "arguments", index, text: call.arguments });
  });
  writer.close();
  return writer.items;
}
