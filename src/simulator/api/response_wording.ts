import { namedEvent } from "../inference/stream_frame.ts";
import { countTokens } from "../inference/usage.ts";
import type { Choice, Wording } from "../inference/wording.ts";
import type { Json } from "./body.ts";
import type { ChatAnswer } from "./chat_answer.ts";
import { createItemWriter, itemsOf } from "./response_items.ts";

/** What changes of a response while it is answered. */
export interface ResponseProgress {
  readonly status: "queued" | "in_progress" | "completed" | "incomplete" | "failed";
  readonly output: readonly Json[];
  readonly usage?: Json;
  /** The prompt's tokens. */
  readonly prompt?: Uint32Array;
}

/**
 * Formats a response as OpenAI does.
 *
 * @param id without `resp_`, for the ids of the items
 * @param describe builds the response's document
 * @param finished takes the document of the whole answer
 */
export function responseWording(
  id: string,
  answer: ChatAnswer,
  describe: (progress: ResponseProgress) => Json,
  finished: (document: Json, output: readonly Json[]) => void,
): Wording {
  let sequenceNumber = 0;
  let sendTo: (event: string) => void;
  const emit = (type: string, data: Json) =>
    sendTo(namedEvent(type, { ...data, sequence_number: sequenceNumber++ }));
  const writer = createItemWriter(id, emit);

  function completed(choice: Choice, output: readonly Json[]): Json {
    const { prompt, cached, generated } = countTokens([choice]);
    const document = describe({
      status: choice.finishReason === "length" ? "incomplete" : "completed",
      output,
      prompt: choice.prompt,
      usage: {
        input_tokens: prompt,
        input_tokens_details: { cached_tokens: cached },
        output_tokens: generated,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: prompt + generated,
      },
    });
    finished(document, output);
    return document;
  }

  return {
    accept(send) {
      sendTo = send;
      const response = describe({ status: "in_progress", output: [] });
      emit("response.created", { response });
      emit("response.in_progress", { response });
    },
    token(send, choice) {
      sendTo = send;
      for (const piece of answer.pieces(choice)) writer.add(piece);
    },
    finish(send, choice) {
      sendTo = send;
      writer.close();
      // vLLM sends this one also if the answer is cut off.
      emit("response.completed", { response: completed(choice, writer.items) });
    },
    // The connection closes without an error event.
    failure: () => undefined,
    document: ([choice]) => completed(choice!, itemsOf(answer.message(choice!), id)),
  };
}
