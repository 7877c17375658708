import { BegunAnew } from "../begun_anew.ts";
import type { KeptStream } from "../kept_stream.ts";
import { eventsIn, namedEvent } from "./events.ts";

// deno-lint-ignore no-explicit-any
type Json = Record<string, any>;

/**
 * Rewrites the events of `/v1/responses` of a server that goes on with an answer: one response, one
 * message, the whole text where it is repeated, numbers that go on, and the usage of the whole.
 */
export function createResponsesSeam(kept: KeptStream): (events: Uint8Array) => string {
  const sent = kept.sentTokens;
  const sentText = kept.parts().join("");
  const { response, item, part } = openingOf(kept);
  let { events: number } = kept;
  /** The id of the message that goes on with the client's. */
  let goesOn: string | undefined;
  /** How many items the client has had that this server doesn't count. */
  let shift = 0;

  const numbered = (event: Json) => namedEvent({ ...event, sequence_number: number++ });
  const whole = (message: Json): Json => ({
    ...message,
    id: item!.id,
    content: message.content.map((content: Json, at: number) =>
      at === 0 ? longer(content) : content
    ),
  });
  const longer = (content: Json): Json => ({ ...content, text: sentText + content.text });

  /** Begins another item than the client's message, which is over. */
  function closeText(): string {
    if (!item || shift > 0) return "";
    shift = 1;
    return closingEvents(kept, "completed").map(numbered).join("");
  }

  function begin(event: Json): string {
    if (!item || goesOn || shift > 0) return moved(event);
    if (event.item.type === "reasoning") throw new BegunAnew();
    if (event.item.type !== "message") return closeText() + moved(event);
    goesOn = event.item.id;
    return "";
  }

  const moved = (event: Json) =>
    numbered(
      typeof event.output_index === "number"
        ? { ...event, output_index: event.output_index + shift }
        : event,
    );

  function end(event: Json): string {
    const closed = goesOn ? "" : closeText();
    const { output, usage, status, incomplete_details } = event.response;
    const items = goesOn
      ? output.map((other: Json) => other.id === goesOn ? whole(other) : other)
      : item
      ? [messageOf(kept, "completed"), ...output]
      : output;
    return closed + numbered({
      ...event,
      response: {
        ...event.response,
        // What the client has been told about its request.
        ...response,
        status,
        incomplete_details,
        output: items,
        usage: usage && usageOfWhole(usage, sent),
      },
    });
  }

  function rewrite(event: Json): string {
    switch (event.type) {
      case "response.created":
      case "response.in_progress":
        return "";
      case "response.output_item.added":
        return begin(event);
      case "response.content_part.added":
        return event.item_id === goesOn && part
          ? ""
          : moved(event.item_id === goesOn ? { ...event, item_id: item!.id } : event);
      case "response.output_text.done":
        if (event.item_id !== goesOn) return moved(event);
        return moved({ ...event, item_id: item!.id, text: sentText + event.text });
      case "response.content_part.done":
        if (event.item_id !== goesOn) return moved(event);
        return moved({ ...event, item_id: item!.id, part: longer(event.part) });
      case "response.output_item.done":
        return moved(event.item.id === goesOn ? { ...event, item: whole(event.item) } : event);
      case "response.completed":
      case "response.incomplete":
        return end(event);
      default:
        return moved(event.item_id === goesOn && goesOn ? { ...event, item_id: item!.id } : event);
    }
  }

  return (events) =>
    eventsIn(events).map((event) => typeof event === "string" ? event : rewrite(event)).join("");
}

/** The later server counted what was sent as its prompt. */
function usageOfWhole(usage: Json, sent: number): Json {
  const { input_tokens: input, output_tokens: output } = usage;
  return { ...usage, input_tokens: input - sent, output_tokens: output + sent };
}

/** The response, the message and its part, as the client has them. */
function openingOf({ opening }: KeptStream) {
  const found = (type: string): Json | undefined => opening.find((event) => event.type === type);
  return {
    response: found("response.created")!.response as Json,
    item: found("response.output_item.added")?.item as Json | undefined,
    part: found("response.content_part.added")?.part as Json | undefined,
  };
}

function messageOf(kept: KeptStream, status: string): Json {
  const { item, part } = openingOf(kept);
  return { ...item, status, content: part ? [{ ...part, text: kept.parts().join("") }] : [] };
}

/** The events that close the client's message. */
function closingEvents(kept: KeptStream, status: string): Json[] {
  const { item, part } = openingOf(kept);
  const place = { item_id: item!.id, output_index: 0, content_index: 0 };
  const text = kept.parts().join("");
  return [
    ...(part
      ? [
        { type: "response.output_text.done", ...place, text, logprobs: [] },
        { type: "response.content_part.done", ...place, part: { ...part, text } },
      ]
      : []),
    { type: "response.output_item.done", output_index: 0, item: messageOf(kept, status) },
  ];
}

/** The events that end a response which has reached its limit of tokens. */
export function lastOfResponses(kept: KeptStream): string {
  const { response } = openingOf(kept);
  const input = kept.promptIds!.split(",").length;
  const usage = {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: kept.sentTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + kept.sentTokens,
  };
  const end = {
    type: "response.completed",
    response: {
      ...response,
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      output: [messageOf(kept, "completed")],
      usage,
    },
  };
  let { events: number } = kept;
  return [...closingEvents(kept, "completed"), end]
    .map((event) => namedEvent({ ...event, sequence_number: number++ }))
    .join("");
}
