import type { KeptStream } from "./kept_stream.ts";

/** A parser that looks for tool calls or reasoning holds back a few tokens at most. */
const MOST_HELD = 8;
/** Text of this many tokens is compared, which is more than a parser can hold back. */
const TOKENS_COMPARED = 48;
/** Characters compared. */
const LENGTH_COMPARED = 24;

/**
 * Cuts a stream back to the last token whose whole text has gone out, where a server's parser may
 * have held a part of it back.
 *
 * @param textOf returns the text of token ids, `undefined` if it can't be had
 * @returns `false` if no such token can be found
 */
export async function cutToSentText(
  kept: KeptStream,
  textOf: (ids: readonly number[]) => Promise<string | undefined>,
): Promise<boolean> {
  if (kept.sentTokens === 0) return true;
  const end = kept.text().slice(-LENGTH_COMPARED);
  const ids = kept.sentIds();
  for (let count = ids.length; count > Math.max(0, ids.length - MOST_HELD); count--) {
    const text = await textOf(ids.slice(Math.max(0, count - TOKENS_COMPARED), count));
    if (text === undefined) return false;
    if (text.endsWith(end)) {
      kept.cutTo(count);
      return true;
    }
  }
  return false;
}
