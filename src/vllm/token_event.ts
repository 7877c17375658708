/** A range of an event's text: start, and the position after its end. */
export type Range = readonly [start: number, end: number];

/** A text that an event passes on. */
export interface SentText {
  /** The member that holds it. */
  readonly field: string;
  /** Without its quotes. */
  readonly at: Range;
}

/** What an event of `/v1/chat/completions` or `/v1/completions` says about tokens. */
export interface TokenEvent {
  /** The prompt's ids: the list with its brackets. */
  readonly promptIds: Range | undefined;
  /** The ids of the event's own tokens: the list with its brackets. */
  readonly ids: Range | undefined;
  /** Its texts that aren't empty, in order. */
  readonly texts: readonly SentText[];
  readonly hasToolCall: boolean;
  /** The finish reason. */
  readonly finish: string | undefined;
  /** It passes nothing on: vLLM sends it for the sake of its ids only. */
  readonly isOnlyIds: boolean;
  /** It counts the tokens of the whole answer. */
  readonly isUsage: boolean;
}

const TEXT_FIELDS = ["content", "reasoning", "reasoning_content"] as const;

/**
 * Reads an event as vLLM writes it, without parsing it, which would cost several times as much. In
 * a text quotes are escaped, so that none of these names can be found there.
 *
 * @param event its text as Latin-1, so that positions are those of its bytes
 */
export function readTokenEvent(event: string): TokenEvent {
  const delta = event.indexOf('"delta":{');
  const finish = stringAfter(event, '"finish_reason":"', 0);
  const finishReason = finish && event.slice(...finish);
  const isEmpty = delta >= 0 && event.startsWith("}", delta + '"delta":{'.length);
  return {
    promptIds: listAfter(event, '"prompt_token_ids":'),
    ids: listAfter(event, '"token_ids":'),
    texts: delta >= 0 ? textsIn(event, delta) : textOf(event),
    hasToolCall: delta >= 0 && event.includes('"tool_calls":[{', delta),
    finish: finishReason,
    isOnlyIds: isEmpty && finish === undefined && event.includes('"logprobs":null', delta),
    isUsage: event.includes('"choices":[]') && event.includes('"usage":{'),
  };
}

function textsIn(event: string, delta: number): SentText[] {
  const texts: SentText[] = [];
  for (const field of TEXT_FIELDS) {
    const at = stringAfter(event, `"${field}":"`, delta);
    if (at && at[1] > at[0]) texts.push({ field, at });
  }
  return texts.length > 1 ? texts.sort((a, b) => a.at[0] - b.at[0]) : texts;
}

function textOf(event: string): SentText[] {
  const at = stringAfter(event, '"text":"', 0);
  return at && at[1] > at[0] ? [{ field: "text", at }] : [];
}

/** The range of a string's content after this name and its opening quote. */
function stringAfter(event: string, name: string, from: number): Range | undefined {
  const found = event.indexOf(name, from);
  if (found < 0) return undefined;
  const start = found + name.length;
  for (let end = event.indexOf('"', start); end >= 0; end = event.indexOf('"', end + 1)) {
    let slashes = 0;
    while (event[end - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return [start, end];
  }
  return undefined;
}

/** The range of a list of numbers after this name. */
function listAfter(event: string, name: string): Range | undefined {
  const found = event.indexOf(name);
  if (found < 0) return undefined;
  const start = found + name.length;
  if (event[start] !== "[") return undefined;
  const end = event.indexOf("]", start);
  return end < 0 ? undefined : [start, end + 1];
}
