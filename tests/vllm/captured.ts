import { eventsIn } from "../support/events.ts";
import type { Dialect } from "../../src/vllm/stream_events.ts";

/** An event stream of a real server. */
export interface Captured {
  readonly name: string;
  readonly dialect: Exclude<Dialect, "other">;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Each event with the text before it. */
  readonly events: readonly string[];
}

/** Bodies of streams as vLLM 0.32.0 sent them, whole. */
export const captured: readonly Captured[] = [
  capture("chat-continuous-usage", "completions"),
  capture("chat-include-usage", "completions"),
  capture("chat-keep-alive", "completions"),
  capture("chat-logprobs", "completions"),
  capture("chat-n2", "completions"),
  capture("chat-plain", "completions"),
  capture("chat-return-token-ids", "completions"),
  capture("completions-include-usage", "completions"),
  capture("messages", "messages"),
  capture("responses", "responses"),
];

/** Returns the stream with this name. */
export function capturedAs(name: string): Captured {
  return captured.find((capture) => capture.name === name)!;
}

/** Returns a whole answer of vLLM 0.32.0's. */
export function wholeCaptured(
  name: "chat" | "completions" | "messages" | "responses",
): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(`captures/whole-${name}.txt`, import.meta.url));
}

function capture(name: string, dialect: Captured["dialect"]): Captured {
  const bytes = Deno.readFileSync(new URL(`captures/sse-${name}.txt`, import.meta.url));
  const text = new TextDecoder().decode(bytes);
  let start = 0;
  const events = [...eventsIn(text)].map(({ end }) => {
    const event = text.slice(start, end);
    start = end;
    return event;
  });
  return { name, dialect, bytes, events };
}
