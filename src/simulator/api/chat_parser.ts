import { MARKS } from "../inference/token_chain.ts";

/** A part of an answer that a token adds to. */
export type Piece =
  | { readonly kind: "content" | "reasoning"; readonly text: string }
  /** A call begins: the first is 0. */
  | { readonly kind: "call"; readonly index: number; readonly name: string }
  | { readonly kind: "arguments"; readonly index: number; readonly text: string };

/** Takes an answer apart, token by token. */
export interface ChatParser {
  /** @returns `undefined` while there is nothing to send */
  push(token: number, text: string): Piece | undefined;
  /** Returns what it has held back. */
  flush(): Piece | undefined;
  /** The answer calls a tool. */
  readonly callsTool: boolean;
}

/** What an answer may be made of. */
export interface ParserOptions {
  readonly prompt: Uint32Array;
  readonly thinks: boolean;
  /** The names of the tools that the answer calls, in order. */
  readonly calls: readonly string[];
  /** A tool call may begin at any time, which the model decides. */
  readonly mayCall: boolean;
}

/** The last token looks like the beginning of a mark. */
const HELD = /<[^<>]{0,3}$/;

/**
 * Creates a parser of the simulator's reasoning and tool formats. Like vLLM's, it takes its state
 * from the prompt, and holds back text that may begin a tool call.
 */
export function createChatParser({ prompt, thinks, calls, mayCall }: ParserOptions): ChatParser {
  let isThinking = thinks &&
    prompt.lastIndexOf(MARKS.thinkingBegins) > prompt.lastIndexOf(MARKS.thinkingEnds);
  let held = "";
  let index = -1;
  const parser: ChatParser & { callsTool: boolean } = {
    callsTool: false,
    push(token, text) {
      if (thinks && token === MARKS.thinkingBegins) return void (isThinking = true);
      if (thinks && token === MARKS.thinkingEnds) return void (isThinking = false);
      if (isThinking) return { kind: "reasoning", text };
      if (calls.length > 0 && token === MARKS.toolBegins) {
        parser.callsTool = true;
        held = "";
        index++;
        return { kind: "call", index, name: calls[index]! };
      }
      if (parser.callsTool) return text === "" ? undefined : { kind: "arguments", index, text };
      if (!mayCall) return { kind: "content", text };
      const all = held + text;
      held = HELD.exec(all)?.[0] ?? "";
      const sent = all.slice(0, all.length - held.length);
      return sent === "" && text !== "" ? undefined : { kind: "content", text: sent };
    },
    flush() {
      const text = held;
      held = "";
      return text === "" ? undefined : { kind: "content", text };
    },
  };
  return parser;
}
