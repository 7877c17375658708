import { errorStatusOf, eventsIn } from "./events.ts";

/** Streams of these paths say at their end that they are whole. */
const ENDS_WITH_DONE = /^\/v1\/(chat\/)?completions(\?|$)/;
/** At the start of a line, where no text that a model wrote can stand. */
const DONE = /(?:^|[\r\n])data: ?\[DONE\]/;

/**
 * Whether an event stream that ended cleanly is whole. A connection that tells neither length nor
 * chunks ends the same way when its server dies.
 *
 * @param path that was asked, with its query
 * @param tail the stream's last bytes as text
 */
export function isWhole(path: string, tail: string): boolean {
  return !ENDS_WITH_DONE.test(path) || DONE.test(tail);
}

/**
 * The status that an error among a stream's last events tells of: vLLM sends one, and `[DONE]`
 * after it, when its engine fails in mid-stream.
 */
export function errorStatusAt(tail: string): number | undefined {
  if (!tail.includes('"error"')) return undefined;
  for (const { data } of eventsIn(tail)) {
    const status = errorStatusOf(data);
    if (status !== undefined) return status;
  }
  return undefined;
}
