import { nextEvent } from "../../src/http/sse_events.ts";
import { planAnswer } from "../../src/simulator/inference/answer.ts";
import { readPrompts, renderChat } from "../../src/simulator/inference/prompt.ts";
import { detokenize } from "../../src/simulator/inference/tokenizer.ts";

/** How a stream ended for its client. */
export interface Outcome {
  readonly fate: "whole" | "broken" | "garbled";
  /** The longest wait for an event, in milliseconds. */
  readonly gapMs: number;
  /** What was wrong. */
  readonly problem?: string;
}

const SETTINGS = { maxModelLen: 32_768 };

/** Streams one answer, a chat or a completion, and compares it with the one that is expected. */
export async function stream(
  url: string,
  { id, tokens, seed }: { readonly id: number; readonly tokens: number; readonly seed: number },
): Promise<Outcome> {
  const isChat = id % 2 === 0;
  const content = `Tell me about ${id}.`;
  const limits = { max_tokens: tokens, ignore_eos: true };
  const messages = [{ role: "user", content }];
  const body = { model: "simulated-model", stream: true, ...limits };
  const response = await fetch(url + (isChat ? "/v1/chat/completions" : "/v1/completions"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...body, ...(isChat ? { messages } : { prompt: content }) }),
  });
  let text = "";
  let isDone = false;
  let problem: string | undefined;
  let gapMs = 0;
  try {
    let unread = "";
    let last = performance.now();
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
      const now = performance.now();
      gapMs = Math.max(gapMs, now - last);
      last = now;
      unread += part;
      for (let event = nextEvent(unread); event; event = nextEvent(unread)) {
        unread = unread.slice(event.end);
        if (event.data === "[DONE]") isDone = true;
        else {
          const { choices, error } = JSON.parse(event.data);
          problem ??= error?.message;
          text += choices?.[0]?.delta?.content ?? choices?.[0]?.text ?? "";
        }
      }
    }
  } catch (error) {
    problem ??= (error as Error).message;
  }
  const prompt = isChat ? renderChat({ messages }) : readPrompts(content)[0]!;
  const plan = planAnswer(prompt, limits, { ...SETTINGS, seed });
  const expected = detokenize(Array.from({ length: plan.length }, () => plan.nextToken()));
  if (!expected.startsWith(text)) return { fate: "garbled", gapMs, problem: text };
  if (isDone && text === expected) return { fate: "whole", gapMs };
  return { fate: "broken", gapMs, problem: problem ?? `status ${response.status}` };
}
