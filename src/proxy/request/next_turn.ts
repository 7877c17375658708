import { isAt } from "../../util/bytes.ts";
import { atOnce, SLICE_BYTES } from "../../util/walk.ts";
import { DEEPEST, membersOf } from "./json_members.ts";
import type { Span } from "./json_scan.ts";
import { type Message, messageBefore } from "./last_messages.ts";

/** What a conversation's next request repeats of this one, and how it writes the answer. */
export interface NextTurn {
  /** The position in the body up to which it is the same. */
  readonly at: number;
  /** The parts of what follows there, up to the text of the answer. */
  readonly before: readonly Uint8Array[];
  /** The parts of what follows the answer. */
  readonly after: readonly Uint8Array[];
}

/** So many of the last messages may show how the client writes an answer. */
const LOOKED_AT = 4;
const QUOTE = 0x22;
const CLOSE_LIST = 0x5d;
const encoder = new TextEncoder();
const COMMA = encoder.encode(",");
const COMMA_AND_SPACE = encoder.encode(", ");

/**
 * Guesses how a client will send the answer back. It is written like the latest answer in the
 * conversation, else like the last message with another role.
 *
 * @param span a prompt: a text that the answer completes, or a list of messages
 * @returns `undefined` for any other prompt
 */
export function nextTurnOf(body: Uint8Array, [start, end]: Span): NextTurn | undefined {
  if (body[start] === QUOTE) return { at: end - 1, before: [], after: [] };
  if (body[end - 1] !== CLOSE_LIST) return undefined;
  const last = messageBefore(body, start, end - 1);
  if (!last) return undefined;
  const previous = messageBefore(body, start, last.start);
  const written = formOf(body, start, last, previous);
  if (!written) return undefined;
  const separator = previous
    ? body.subarray(previous.end, last.start)
    : written.isSpaced
    ? COMMA_AND_SPACE
    : COMMA;
  return { at: last.end, before: [separator, ...written.before], after: written.after };
}

/** How an answer is written as a message, around its text. */
interface Form extends Pick<NextTurn, "before" | "after"> {
  /** The message that shows it is an answer itself. */
  readonly isAnswer: boolean;
  /** White space follows commas and colons. */
  readonly isSpaced: boolean;
}

function formOf(
  body: Uint8Array,
  start: number,
  last: Message,
  previous: Message | undefined,
): Form | undefined {
  const usual = formOfMessage(body, last);
  if (usual?.isAnswer) return usual;
  for (let message = previous, i = 1; message && i < LOOKED_AT; i++) {
    const form = formOfMessage(body, message);
    if (form?.isAnswer) return form;
    message = messageBefore(body, start, message.start);
  }
  return usual;
}

const ASSISTANT = encoder.encode('"assistant"');
const NAMES = ["role", "content"] as const;
const TEXT = ["text"] as const;
const COLON = 0x3a;

/** Takes a message of any role as one of the assistant. */
function formOfMessage(body: Uint8Array, { start, end }: Message): Form | undefined {
  const message = body.subarray(start, end);
  const { role, content } = membersIn(message, NAMES);
  const text = content && textIn(message, content);
  if (!role || !text) return undefined;
  const withRole = (from: number, to: number) =>
    role[0] >= from && role[1] <= to
      ? [message.subarray(from, role[0]), ASSISTANT, message.subarray(role[1], to)]
      : [message.subarray(from, to)];
  return {
    before: withRole(0, text[0] + 1),
    after: withRole(text[1] - 1, message.length),
    isAnswer: role[1] - role[0] === ASSISTANT.length && isAt(message, role[0], ASSISTANT),
    isSpaced: message[role[0] - 1] !== COLON,
  };
}

/** The text of a content, with its quotes: the content itself, or its only part. */
function textIn(message: Uint8Array, [start, end]: Span): Span | undefined {
  if (message[start] === QUOTE) return [start, end];
  if (message[end - 1] !== CLOSE_LIST) return undefined;
  const part = messageBefore(message, start, end - 1);
  if (!part || messageBefore(message, start, part.start)) return undefined;
  const { text } = membersIn(message.subarray(part.start, part.end), TEXT);
  if (!text || message[part.start + text[0]] !== QUOTE) return undefined;
  return [part.start + text[0], part.start + text[1]];
}

function membersIn<Name extends string>(
  object: Uint8Array,
  names: readonly Name[],
): Partial<Record<Name, Span>> {
  if (object.length > SLICE_BYTES) return {};
  const members = atOnce(membersOf(object, names, DEEPEST));
  return typeof members === "string" ? {} : members.values;
}
