import type { AnswerPlan } from "../inference/answer.ts";
import { planAnswer } from "../inference/answer.ts";
import { instanceOf } from "../inference/json_instance.ts";
import { contentText, renderChat } from "../inference/prompt.ts";
import { MARKS } from "../inference/token_chain.ts";
import { tokenize } from "../inference/tokenizer.ts";
import { chooseCalls, type Tool, type ToolChoice } from "../inference/tool_calls.ts";
import type { Choice } from "../inference/wording.ts";
import type { ServerState } from "../server_state.ts";
import { isObject, type Json } from "./body.ts";
import { type ChatParser, createChatParser, type Piece } from "./chat_parser.ts";
import type { Format } from "./chat_options.ts";

/** What a request asks of a chat's answer, in the terms of all endpoints. */
export interface ChatRequest {
  /** What `renderChat` takes. */
  readonly chat: Json;
  /** Limits, stops and cache salt. */
  readonly sampling: Json;
  readonly tools: readonly Tool[];
  readonly choice: ToolChoice;
  readonly isParallel?: boolean;
  readonly format?: Format | undefined;
  readonly count?: number;
  /** The prompt's tokens, of which the request may give some of the answer. */
  readonly prompt: Uint32Array;
}

/** A message as parsed. */
export interface ParsedMessage {
  readonly reasoning: string;
  readonly content: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
}

/** A planned chat, and how to read its answer. */
export interface ChatAnswer {
  readonly plans: readonly AnswerPlan[];
  /** Returns the pieces of a choice's newest token: all that is left with its last. */
  pieces(choice: Choice): readonly Piece[];
  /** Returns the whole message. */
  message(choice: Choice): ParsedMessage;
  /** A choice's answer has called a tool. */
  callsTool(choice: Choice): boolean;
}

/** Plans the answers to a chat: words, or the calls or the JSON that it asks for. */
export function answerChat(request: ChatRequest, server: ServerState): ChatAnswer {
  const { chat, sampling, tools, choice, isParallel = true, format, count = 1, prompt } = request;
  const mayCall = tools.length > 0 && choice === "auto";
  const calls = chooseCalls(tools, choice, userText(chat), isParallel);
  const thinks = server.reasoning;
  const tokens = calls.length > 0
    ? calls.flatMap((call) => [MARKS.toolBegins, ...tokenize(call.arguments)])
    : format && tokenize(textOf(format));
  const script = tokens &&
    { tokens: [...tokens], generated: prompt.subarray(renderChat(chat).length) };
  const habits = { thinks, callsTools: mayCall };
  const create = () =>
    createChatParser({ prompt, thinks, mayCall, calls: calls.map(({ name }) => name) });
  const parsers = new Map<number, ChatParser>();
  const parserOf = ({ index }: Choice) => {
    let parser = parsers.get(index);
    if (!parser) parsers.set(index, parser = create());
    return parser;
  };
  return {
    plans: Array.from(
      { length: count },
      (_, n) => planAnswer(prompt, sampling, server, n, habits, script),
    ),
    pieces(choice) {
      const parser = parserOf(choice);
      const piece = parser.push(choice.tokens.at(-1)!, choice.texts.at(-1)!);
      const rest = choice.finishReason === null ? undefined : parser.flush();
      if (piece?.kind === "content" && rest?.kind === "content") {
        return [{ kind: "content", text: piece.text + rest.text }];
      }
      return rest ? piece ? [piece, rest] : [rest] : piece ? [piece] : [];
    },
    message: ({ tokens, texts }) => readMessage(create(), tokens, texts),
    callsTool: (choice) => parserOf(choice).callsTool,
  };
}

function readMessage(
  parser: ChatParser,
  tokens: readonly number[],
  texts: readonly string[],
): ParsedMessage {
  const whole = { reasoning: "", content: "" };
  const calls: { name: string; arguments: string }[] = [];
  const add = (piece: Piece | undefined) => {
    if (piece === undefined) return;
    if (piece.kind === "call") calls.push({ name: piece.name, arguments: "" });
    else if (piece.kind === "arguments") calls[piece.index]!.arguments += piece.text;
    else whole[piece.kind] += piece.text;
  };
  tokens.forEach((token, index) => add(parser.push(token, texts[index]!)));
  add(parser.flush());
  return { ...whole, calls };
}

function textOf(format: Format): string {
  return "text" in format ? format.text : JSON.stringify(instanceOf(format.schema));
}

/** The last message's text if the user wrote it; a tool's result isn't the user's. */
function userText({ messages }: Json): string | undefined {
  const last = (messages as readonly Json[]).at(-1);
  const { content } = last ?? {};
  const isResult = Array.isArray(content) &&
    content.some((part) => isObject(part) && part.type === "tool_result");
  return last?.role === "user" && !isResult ? contentText(content) : undefined;
}
