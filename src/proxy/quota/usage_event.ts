import { nextEvent } from "../../http/sse_events.ts";
import { type Usage, usageIn } from "../../vllm/usage.ts";
import { concat, isAt } from "../../util/bytes.ts";

const LINE_FEED = 0x0a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const SPACE = 0x20;
const DATA = new TextEncoder().encode("data:");
const CHOICES = new TextEncoder().encode('"choices":');

const latin1 = new TextDecoder("latin1");

/** Counts the events with data: about one per token. */
export function countEvents(events: Uint8Array): number {
  let count = isAt(events, 0, DATA) ? 1 : 0;
  for (let at = events.indexOf(LINE_FEED); at >= 0; at = events.indexOf(LINE_FEED, at + 1)) {
    if (isAt(events, at + 1, DATA)) count++;
  }
  return count;
}

/** Events without the one that counts a whole answer's tokens. */
export interface WithoutUsage {
  readonly events: Uint8Array<ArrayBuffer>;
  readonly usage: Usage | undefined;
}

/** Takes the event out that has no choice and the usage; parses none that has a choice. */
export function withoutUsage(events: Uint8Array<ArrayBuffer>): WithoutUsage {
  if (!mayHaveUsage(events)) return { events, usage: undefined };
  // One character per byte, so that positions agree.
  const text = latin1.decode(events);
  let start = 0;
  for (let event = nextEvent(text); event; event = nextEvent(text, start)) {
    const usage = usageOf(event.data);
    if (usage) {
      // Comments may precede it.
      const from = start + text.slice(start, event.end).search(/^data:/m);
      const rest = concat([events.subarray(0, from), events.subarray(event.end)]);
      return { events: rest, usage };
    }
    start = event.end;
  }
  return { events, usage: undefined };
}

/** Whether `"choices":[]` is in these bytes. In a text the quotes would be escaped. */
function mayHaveUsage(events: Uint8Array): boolean {
  for (let at = events.indexOf(OPEN_LIST); at >= 0; at = events.indexOf(OPEN_LIST, at + 1)) {
    if (events[at + 1] !== CLOSE_LIST) continue;
    let end = at;
    while (events[end - 1] === SPACE) end--;
    if (isAt(events, end - CHOICES.length, CHOICES)) return true;
  }
  return false;
}

function usageOf(data: string): Usage | undefined {
  try {
    const { choices, usage } = JSON.parse(data);
    if (!Array.isArray(choices) || choices.length > 0) return undefined;
    return usageIn(new TextEncoder().encode(JSON.stringify({ usage })));
  } catch {
    return undefined;
  }
}
