import { readTextEvent, type TextEndpoint } from "../../../vllm/text_event.ts";
import { concat } from "../../../util/bytes.ts";
import { endOfEvent } from "../keep_events.ts";
import type { KeptStream } from "../kept_stream.ts";

const latin1 = new TextDecoder("latin1");
const utf8 = new TextDecoder();

/** An answer opens with fewer events than this. */
const MOST_OPENING = 8;
/** A text is closed by fewer events than this. */
const MOST_CLOSING = 8;

/**
 * Keeps what whole events say that tell no token ids. Those that close the text are held back until
 * the answer has finished, so that another server can still go on with it: vLLM sends them together.
 *
 * @returns the events for the client
 */
export function keepText(
  kept: KeptStream,
  endpoint: TextEndpoint,
  events: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const text = latin1.decode(events);
  // vLLM ends lines by LF alone. What something in between has rewritten isn't read.
  if (text.includes("\r")) kept.drop();
  const passed: Uint8Array<ArrayBuffer>[] = [];
  let isChanged = false;
  for (let start = 0, end = 0; start < text.length; start = end) {
    end = endOfEvent(text, start);
    const event = start === 0 && end === text.length ? text : text.slice(start, end);
    const bytes = events.subarray(start, end);
    const now = keep(kept, endpoint, event, bytes);
    const closing = now === "after_closing" ? kept.takeClosing() : [];
    isChanged ||= now === "held" || closing.length > 0;
    passed.push(...closing);
    if (now !== "held") passed.push(bytes);
  }
  return isChanged ? concat(passed) : events;
}

/** Returns when the client gets the event: behind what is held back, or ahead of it. */
function keep(
  kept: KeptStream,
  endpoint: TextEndpoint,
  event: string,
  bytes: Uint8Array<ArrayBuffer>,
): "after_closing" | "at_once" | "held" {
  if (kept.isLost || kept.hasFinished) return "after_closing";
  const read = readTextEvent(event, endpoint);
  switch (read.kind) {
    case "text":
      if (read.at[1] > read.at[0]) kept.addPart(bytes.subarray(...read.at));
      break;
    case "opens":
      if (kept.opening.length === MOST_OPENING) kept.drop();
      else keepOpening(kept, bytes);
      break;
    case "closes":
      if (kept.closing.length === MOST_CLOSING) {
        kept.drop();
        return "after_closing";
      }
      kept.closing.push(bytes.slice());
      return "held";
    case "aborts":
      // What an aborted answer says last is its server's excuse.
      kept.takeClosing();
      return "held";
    case "error":
      // Another server goes on, and the client never sees it.
      return "at_once";
    case "nothing":
      if (!event.startsWith(":")) kept.events++;
      return "at_once";
    case "finishes":
      kept.hasFinished = true;
      break;
    case "calls_tool":
      kept.hasToolCall = true;
      break;
    case "unknown":
      kept.hasOther = true;
  }
  kept.events += 1 + kept.closing.length;
  return "after_closing";
}

function keepOpening(kept: KeptStream, bytes: Uint8Array): void {
  const event = utf8.decode(bytes);
  try {
    kept.addOpening(JSON.parse(event.slice(event.indexOf("\ndata: ") + 7)), bytes.length);
  } catch {
    kept.drop();
  }
}
