import { BegunAnew } from "./begun_anew.ts";
import { createMessagesSeam } from "./by_text/messages_seam.ts";
import { createResponsesSeam } from "./by_text/responses_seam.ts";
import { keeping } from "./first_leg.ts";
import type { KeptStream } from "./kept_stream.ts";
import type { Convert } from "../sse/tap_events.ts";

type Json = Record<string, unknown>;

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const isTable = (value: unknown): value is Json => typeof value === "object" && value !== null;
const tableOf = (value: unknown): Json => isTable(value) ? value : {};

/**
 * Rewrites the events of a server that goes on with a stream, so that they read as those of the
 * first one: one identity, no second role, the usage of the whole, and offsets that go on. The
 * server must first tell that its prompt was what the first one had seen and sent.
 */
export function createSeam(kept: KeptStream): Convert {
  const rewrite = SEAMS[kept.endpoint](kept);
  const keep = keeping(kept);
  return (events) => keep(encoder.encode(rewrite(events)));
}

const SEAMS = {
  chat: createChunksSeam,
  completions: createChunksSeam,
  messages: createMessagesSeam,
  responses: createResponsesSeam,
};

function createChunksSeam(kept: KeptStream): (events: Uint8Array) => string {
  const expected = kept.idsSoFar();
  const sentTokens = kept.sentTokens;
  const sentLength = kept.endpoint === "completions" ? lengthOf(kept.text()) : 0;
  let isVerified = false;

  function verify(event: Json, choice: Json): void {
    const ids = event.prompt_token_ids ?? choice.prompt_token_ids;
    if (!Array.isArray(ids) || ids.join() !== expected) {
      throw new BegunAnew();
    }
    isVerified = true;
  }

  /** Returns `undefined` for an event that the client has had already. */
  function rewrite(event: Json): Json | undefined {
    if (!Array.isArray(event.choices)) return event;
    const choice = tableOf(event.choices[0]);
    if (!isVerified && event.choices.length > 0) verify(event, choice);
    Object.assign(event, kept.identity);
    if (isTable(event.usage)) event.usage = usageOfWhole(event.usage, sentTokens);
    if (event.prompt_token_ids !== undefined) event.prompt_token_ids = null;
    if (choice.prompt_token_ids !== undefined) choice.prompt_token_ids = null;
    if (isTable(choice.logprobs) && Array.isArray(choice.logprobs.text_offset)) {
      const offsets = choice.logprobs.text_offset;
      choice.logprobs.text_offset = offsets.map((offset: number) => offset + sentLength);
    }
    if (!isTable(choice.delta) || choice.delta.role === undefined) return event;
    const { role: _, ...delta } = choice.delta;
    choice.delta = delta;
    return Object.values(delta).every((value) => value === "" || value === null)
      ? undefined
      : event;
  }

  return (events) =>
    decoder.decode(events).split("\n\n").slice(0, -1).flatMap((event) => {
      if (!event.startsWith("data: {")) return `${event}\n\n`;
      const rewritten = rewrite(JSON.parse(event.slice("data:".length)));
      return rewritten ? `data: ${JSON.stringify(rewritten)}\n\n` : [];
    }).join("");
}

/** The later server counted what was sent as its prompt. */
function usageOfWhole(usage: Json, sent: number): Json {
  const { prompt_tokens: prompt, completion_tokens: completion } = usage;
  if (typeof prompt !== "number" || typeof completion !== "number") return usage;
  return { ...usage, prompt_tokens: prompt - sent, completion_tokens: completion + sent };
}

/** Offsets count characters, as Python does. */
function lengthOf(text: string): number {
  return [...text].length;
}
