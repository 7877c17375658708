import type { Json } from "../api/body.ts";

/** What ends an answer before its own end, as the request says. */
export interface Stops {
  readonly strings: readonly string[];
  readonly tokens: readonly number[];
  /** The answer's text includes what ended it. */
  readonly isIncluded: boolean;
  readonly some: boolean;
  /** Characters of a stream that wait, since a stop string that isn't to be sent may begin there. */
  readonly heldBack: number;
}

/** What ended an answer, as `stop_reason` tells it, and the length of the text that it keeps. */
export interface Stop {
  readonly reason: string | number;
  readonly at: number;
}

/** Reads `stop`, `stop_token_ids` and `include_stop_str_in_output`. */
export function readStops(body: Json): Stops {
  const strings = [body.stop ?? []].flat().map(String).filter((text) => text !== "");
  const tokens = [body.stop_token_ids ?? []].flat().map(Number);
  const isIncluded = body.include_stop_str_in_output === true;
  return {
    strings,
    tokens,
    isIncluded,
    some: strings.length + tokens.length > 0,
    heldBack: isIncluded ? 0 : Math.max(0, ...strings.map(({ length }) => length - 1)),
  };
}

/**
 * Returns the stop that the newest token completes.
 *
 * @param text the answer's text with this token's
 * @param from where a stop string must end behind
 * @param textBefore the length of the text without this token's
 */
export function stopIn(
  { strings, tokens, isIncluded }: Stops,
  text: string,
  from: number,
  token: number,
  textBefore: number,
): Stop | undefined {
  if (tokens.includes(token)) {
    return { reason: token, at: isIncluded ? text.length : textBefore };
  }
  // The one that is complete first counts.
  let first: { readonly reason: string; readonly start: number; readonly end: number } | undefined;
  for (const reason of strings) {
    const start = text.indexOf(reason, Math.max(0, from + 1 - reason.length));
    const end = start + reason.length;
    if (start >= 0 && (first === undefined || end < first.end)) first = { reason, start, end };
  }
  return first && { reason: first.reason, at: isIncluded ? first.end : first.start };
}
