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

/**
 * Reads an event as vLLM writes it, without parsing it, which would cost several times as much. In
 * a text quotes are escaped, so that none of these names can be found there.
 *
 * @param event its text as Latin-1, so that positions are those of its bytes
 */
export function readTokenEvent(event: string): TokenEvent {
  const delta = event.indexOf(DELTA);
  const plain = delta >= 0 ? plainContent(event, delta + DELTA.length) : undefined;
  // vLLM writes the content before all that follows here.
  const from = plain?.[1] ?? 0;
  const finish = stringAfter(event, '"finish_reason":"', from);
  return {
    promptIds: listAfter(event, '"prompt_token_ids":', from),
    ids: listAfter(event, '"token_ids":', from),
    texts: plain ? whole(CONTENT, plain) : delta >= 0 ? textsIn(event, delta) : textOf(event),
    hasToolCall: delta >= 0 && !plain && event.includes('"tool_calls":[{', delta),
    finish: finish && event.slice(finish[0], finish[1]),
    isOnlyIds: delta >= 0 && !plain && finish === undefined &&
      event.startsWith("}", delta + DELTA.length) && event.includes('"logprobs":null', delta),
    isUsage: delta < 0 && event.includes('"choices":[]') && event.includes('"usage":{'),
  };
}

const DELTA = '"delta":{';
const CONTENT = "content";
const CONTENT_BEGINS = '"content":"';
const TEXT_FIELDS = [CONTENT, "reasoning", "reasoning_content"] as const;

/** The content of a delta that has nothing else, as most have. */
function plainContent(event: string, start: number): Range | undefined {
  if (!event.startsWith(CONTENT_BEGINS, start)) return undefined;
  const at = stringAfter(event, CONTENT_BEGINS, start);
  return at && event[at[1] + 1] === "}" ? at : undefined;
}

function whole(field: string, at: Range): readonly SentText[] {
  return at[1] > at[0] ? [{ field, at }] : NO_TEXTS;
}

const NO_TEXTS: readonly SentText[] = [];

function textsIn(event: string, delta: number): readonly SentText[] {
  const texts = TEXT_FIELDS.flatMap((field) => {
    const at = stringAfter(event, `"${field}":"`, delta);
    return at ? whole(field, at) : NO_TEXTS;
  });
  return texts.sort((a, b) => a.at[0] - b.at[0]);
}

function textOf(event: string): readonly SentText[] {
  const at = stringAfter(event, '"text":"', 0);
  return at ? whole("text", at) : NO_TEXTS;
}

/** The range of a string's content after this name and its opening quote. */
export function stringAfter(event: string, name: string, from: number): Range | undefined {
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
function listAfter(event: string, name: string, from: number): Range | undefined {
  const found = event.indexOf(name, from);
  if (found < 0) return undefined;
  const start = found + name.length;
  if (event[start] !== "[") return undefined;
  const end = event.indexOf("]", start);
  return end < 0 ? undefined : [start, end + 1];
}
