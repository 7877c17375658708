import { isObject, type Json } from "../api/body.ts";
import { usage } from "./usage.ts";
import type { Choice } from "./wording.ts";

/** Builds the events of a stream in OpenAI's format. */
export interface StreamFrame {
  /**
   * @param content the JSON member that holds the text, such as `"text":"the "`
   * @param more members of the choice, and of the event, behind the usual ones, and its logprobs
   */
  choice(
    choice: Choice,
    content: string,
    finishReason?: string | null,
    more?: { readonly choice?: string; readonly event?: string; readonly logprobs?: string },
  ): string;
  /** Sends the usage, if requested, and `[DONE]`. */
  end(send: (event: string) => void, choices: readonly Choice[]): void;
}

/** Creates a frame that serialises the common part of all events only once, to save CPU. */
export function createStreamFrame(common: Json, body: Json): StreamFrame {
  const options = isObject(body.stream_options) ? body.stream_options : {};
  const prefix = `data: ${JSON.stringify(common).slice(0, -1)},"choices":[`;
  const withUsage = (choices: readonly Choice[]) => `,"usage":${JSON.stringify(usage(choices))}`;
  return {
    choice(choice, content, finishReason = null, more = {}) {
      const reason = JSON.stringify(finishReason);
      const counted = options.continuous_usage_stats === true ? withUsage([choice]) : "";
      return `${prefix}{"index":${choice.index},${content},"logprobs":${more.logprobs ?? "null"},` +
        `"finish_reason":${reason}${more.choice ?? ""}}]${counted}${more.event ?? ""}}\n\n`;
    },
    end(send, choices) {
      if (options.include_usage === true) {
        send(`${prefix}]${withUsage(choices)}}\n\n`);
      }
      send("data: [DONE]\n\n");
    },
  };
}

/** Returns a named server-sent event whose data repeats the name as `type`. */
export function namedEvent(type: string, data: Json): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}
