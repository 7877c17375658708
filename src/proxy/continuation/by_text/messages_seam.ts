import { BegunAnew } from "../begun_anew.ts";
import type { KeptStream } from "../kept_stream.ts";
import { eventsIn, namedEvent } from "./events.ts";
import { promptTokensIn } from "./prompt_ids.ts";

type Json = Record<string, unknown>;

const STOP = namedEvent({ type: "content_block_stop", index: 0 });

/**
 * Rewrites the events of `/v1/messages` of a server that goes on with an answer: no second beginning
 * of the message and of its text, and the usage of the whole.
 */
export function createMessagesSeam(kept: KeptStream): (events: Uint8Array) => string {
  const sent = kept.sentTokens;
  const expected = promptTokensIn(kept.opening[0])! + sent;
  /** The client's text block is open, and this server has begun none yet. */
  let isOpen = kept.opening.length > 1;
  /** How many blocks the client has had that this server doesn't count. */
  let shift = 0;

  function rewrite(event: Json): string {
    const { type } = event;
    if (type === "message_start") {
      if (promptTokensIn(event) !== expected) throw new BegunAnew();
      return "";
    }
    if (type === "content_block_start" && isOpen) {
      isOpen = false;
      const block = (event.content_block as Json).type;
      if (block === "text") return "";
      if (block === "thinking") throw new BegunAnew();
      shift = 1;
      return STOP + namedEvent({ ...event, index: 1 });
    }
    if (typeof event.index === "number") {
      return namedEvent({ ...event, index: event.index + shift });
    }
    if (type !== "message_delta") return namedEvent(event);
    const end = namedEvent({ ...event, usage: usageOfWhole(event.usage as Json, sent) });
    return isOpen ? STOP + end : end;
  }

  return (events) =>
    eventsIn(events).map((event) => typeof event === "string" ? event : rewrite(event)).join("");
}

/** The later server counted what was sent as its prompt, which it may have had in its cache. */
function usageOfWhole(usage: Json, sent: number): Json {
  const { input_tokens: input, output_tokens: output, cache_read_input_tokens: read } = usage;
  if (typeof input !== "number" || typeof output !== "number") return usage;
  const cached = typeof read === "number"
    ? { cache_read_input_tokens: read - Math.max(0, sent - input) }
    : {};
  return {
    ...usage,
    input_tokens: Math.max(0, input - sent),
    output_tokens: output + sent,
    ...cached,
  };
}

/** The events that end a message of which nothing but its end is missing. */
export function lastOfMessages(kept: KeptStream): string {
  const usage = { input_tokens: promptTokensIn(kept.opening[0]), output_tokens: kept.sentTokens };
  const delta = { stop_reason: "max_tokens", stop_sequence: null };
  const end = STOP + namedEvent({ type: "message_delta", delta, usage });
  return (kept.hasFinished ? "" : end) + namedEvent({ type: "message_stop" });
}
