import { MARKS } from "../inference/token_chain.ts";

/** What a parser makes of a token: a delta, as JSON, or nothing yet. */
export interface ChatParser {
  /** @returns `undefined` while there is nothing to send */
  push(token: number, text: string): string | undefined;
  /** Returns what it has held back. */
  flush(): string | undefined;
  /** The answer calls a tool. */
  readonly callsTool: boolean;
}

/** Whether an answer that continues this prompt begins with thinking. */
export interface ParserOptions {
  readonly prompt: Uint32Array;
  readonly thinks: boolean;
  /** The first of the request's tools, if the answer may call one. */
  readonly tool: string | undefined;
}

/** The last token looks like the beginning of a mark. */
const HELD = /<[^<>]{0,3}$/;

/**
 * Creates a parser of the simulator's reasoning and tool formats. Like vLLM's, it takes its state
 * from the prompt, and holds back text that may begin a tool call.
 */
export function createChatParser({ prompt, thinks, tool }: ParserOptions): ChatParser {
  let isThinking = thinks &&
    prompt.lastIndexOf(MARKS.thinkingBegins) > prompt.lastIndexOf(MARKS.thinkingEnds);
  let held = "";
  const delta = (name: string, text: string) => `"delta":{"${name}":${JSON.stringify(text)}}`;
  const call = (members: object) =>
    `"delta":{"tool_calls":[${JSON.stringify({ index: 0, ...members })}]}`;
  const parser: ChatParser & { callsTool: boolean } = {
    callsTool: false,
    push(token, text) {
      if (thinks && token === MARKS.thinkingBegins) return void (isThinking = true);
      if (thinks && token === MARKS.thinkingEnds) return void (isThinking = false);
      if (isThinking) return delta("reasoning", text);
      if (tool === undefined) return delta("content", text);
      if (token === MARKS.toolBegins && !parser.callsTool) {
        parser.callsTool = true;
        held = "";
        const named = { name: tool, arguments: "" };
        return call({ id: "call_1", type: "function", function: named });
      }
      if (parser.callsTool) return call({ function: { arguments: text } });
      const all = held + text;
      held = HELD.exec(all)?.[0] ?? "";
      const sent = all.slice(0, all.length - held.length);
      return sent === "" && text !== "" ? undefined : delta("content", sent);
    },
    flush() {
      const rest = held;
      held = "";
      return rest === "" ? undefined : delta("content", rest);
    },
  };
  return parser;
}
