import { createParser } from "eventsource-parser";
import { nextEvent, type StreamEvent } from "../../src/http/sse_events.ts";

/** Every whole event with data in a text, as the router reads it. */
export function* eventsIn(text: string): Generator<StreamEvent> {
  for (let event = nextEvent(text); event; event = nextEvent(text, event.end)) yield event;
}

/** The same as a client's package reads it, which is not ours. */
export function clientsEventsIn(text: string): { name: string | undefined; data: string }[] {
  const events: { name: string | undefined; data: string }[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) => void events.push({ name: event, data }),
  });
  parser.feed(text);
  return events;
}

/** The JSON of every event of a stream, `[DONE]` as it is. */
export function eventsOf(text: string): unknown[] {
  return clientsEventsIn(text).map(({ data }) => data === "[DONE]" ? data : JSON.parse(data));
}
