import type { ToolChoice } from "../inference/tool_calls.ts";
import { createStreamFrame } from "../inference/stream_frame.ts";
import { idMembers } from "../inference/token_ids.ts";
import { usage } from "../inference/usage.ts";
import type { Choice, Wording } from "../inference/wording.ts";
import type { Json } from "./body.ts";
import type { ChatAnswer } from "./chat_answer.ts";
import type { Piece } from "./chat_parser.ts";
import { chatLogprobs } from "./logprobs.ts";

/** What a chat's answer repeats of its request. */
export interface ChatIdentity {
  readonly id: string;
  readonly model: string;
  readonly body: Json;
  readonly choice: ToolChoice;
  /** Of vLLM. */
  readonly version: string;
}

/** Formats a chat's answer as OpenAI does. */
export function chatWording(
  { id, model, body, choice: toolChoice, version }: ChatIdentity,
  answer: Pick<ChatAnswer, "pieces" | "message">,
): Wording {
  const ids = idMembers(body, version);
  const logprobs = chatLogprobs(body);
  const hasLogprobs = body.logprobs === true;
  const created = Math.floor(Date.now() / 1000);
  const frame = createStreamFrame({ id, object: "chat.completion.chunk", created, model }, body);
  /** Choices that have called a tool. */
  const called = new Set<number>();
  const callId = ({ index }: Choice, call: number) =>
    `chatcmpl-tool-${id.slice(9)}-${index}${call}`;
  // A named call ends like text.
  const reasonOf = ({ index, finishReason }: Choice) =>
    called.has(index) && typeof toolChoice !== "object" && finishReason === "stop"
      ? "tool_calls"
      : finishReason;

  function deltaOf(choice: Choice, pieces: readonly Piece[]): string {
    return pieces.map((piece) => {
      switch (piece.kind) {
        case "call": {
          called.add(choice.index);
          const named = { name: piece.name, arguments: "" };
          return callMember({ id: callId(choice, piece.index), type: "function" }, piece, named);
        }
        case "arguments":
          return callMember({}, piece, { arguments: piece.text });
        default:
          return `"${piece.kind}":${JSON.stringify(piece.text)}`;
      }
    }).join();
  }

  return {
    start(send, choices) {
      for (const choice of choices) {
        const event = `,${ids.ofPrompt(choice)},"prompt_text":null`;
        send(frame.choice(choice, `"delta":{"role":"assistant","content":""}`, null, { event }));
      }
    },
    token(send, choice) {
      const pieces = answer.pieces(choice);
      const isLast = choice.finishReason !== null;
      // What a parser doesn't let through is sent for the sake of its ids and logprobs only.
      if (pieces.length === 0 && !isLast && !ids.areAsked && !hasLogprobs) return;
      const delta = `"delta":{${deltaOf(choice, pieces)}}`;
      const stop = isLast ? `,"stop_reason":${JSON.stringify(choice.stopReason)}` : "";
      send(frame.choice(choice, delta, reasonOf(choice), {
        choice: `${stop},${ids.ofToken(choice)}`,
        ...(hasLogprobs &&
          { logprobs: JSON.stringify(logprobs(choice, choice.tokens.length - 1)) }),
      }));
    },
    finish(send, choice) {
      // An aborted answer has no last token. vLLM goes straight to [DONE] if it wasn't begun.
      if (choice.finishReason !== "abort" || choice.forgotten) return;
      const more = `,"stop_reason":null,${ids.ofNone}`;
      send(frame.choice(choice, `"delta":{"content":""}`, "abort", { choice: more }));
    },
    end: frame.end,
    document: (choices) => ({
      id,
      object: "chat.completion",
      created,
      model,
      choices: choices.map((choice) => {
        const { reasoning, content, calls } = answer.message(choice);
        if (calls.length > 0) called.add(choice.index);
        return {
          index: choice.index,
          message: {
            role: "assistant",
            content: calls.length === 0 ? content : toolChoice === "auto" ? content || null : "",
            refusal: null,
            annotations: null,
            audio: null,
            function_call: null,
            ...(calls.length > 0 && {
              tool_calls: calls.map((call, index) => (
                { id: callId(choice, index), type: "function", function: call }
              )),
            }),
            reasoning: reasoning || null,
          },
          logprobs: logprobs(choice),
          finish_reason: reasonOf(choice),
          stop_reason: choice.stopReason,
          token_ids: ids.areAsked ? choice.tokens : null,
        };
      }),
      usage: usage(choices),
      prompt_token_ids: ids.areAsked ? [...choices[0]!.prompt] : null,
    }),
  };
}

function callMember(head: Json, { index }: { readonly index: number }, called: Json): string {
  return `"tool_calls":[${JSON.stringify({ index, ...head, function: called })}]`;
}
