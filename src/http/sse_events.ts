/** One server-sent event. */
export interface StreamEvent {
  /** Event name, if any. */
  readonly name: string | undefined;
  /** Its `data` lines, joined by line feeds as the standard requires. */
  readonly data: string;
  /** Offset in the text after its terminating blank line. */
  readonly end: number;
}

/** A line and its terminator: CRLF, LF or CR. */
const LINE = /([^\r\n]*)(\r\n|\n|\r)/y;

/**
 * Returns the first complete event with data; skips comments and events without data. A `\r` at
 * the end of the text is not yet a terminator, since a `\n` may follow.
 *
 * @returns `undefined` if there is no complete event yet
 */
export function nextEvent(text: string, from = 0): StreamEvent | undefined {
  const data: string[] = [];
  let name: string | undefined;
  LINE.lastIndex = from;
  for (let line = LINE.exec(text); line; line = LINE.exec(text)) {
    const [, content, ending] = line;
    if (ending === "\r" && LINE.lastIndex === text.length) return undefined;
    if (content === "" && data.length > 0) {
      return { name, data: data.join("\n"), end: LINE.lastIndex };
    }
    if (content === "") name = undefined;
    else if (isField(content!, "data")) data.push(valueOf(content!));
    else if (isField(content!, "event")) name = valueOf(content!) || undefined;
  }
  return undefined;
}

function isField(line: string, name: string): boolean {
  return line.startsWith(name) && (line[name.length] === ":" || line.length === name.length);
}

/** The value of a line such as `data: value`, without the space after the colon. */
function valueOf(line: string): string {
  const colon = line.indexOf(":");
  return colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Returns the offset after the last complete event or comment, which is after the last blank line,
 * or 0 if there is none. A `\r` at the end is not yet a terminator, since a `\n` may follow.
 */
export function endOfLastEvent(bytes: Uint8Array): number {
  for (let i = bytes.length - 1; i > 0; i--) {
    if (bytes[i] === LINE_FEED) {
      if (bytes[i - 1] === LINE_FEED) return i + 1;
      if (bytes[i - 1] === CARRIAGE_RETURN && i > 1 && isLineEnd(bytes[i - 2])) return i + 1;
    } else if (
      bytes[i] === CARRIAGE_RETURN && i < bytes.length - 1 && isLineEnd(bytes[i - 1])
    ) return i + 1;
  }
  return 0;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LINE_FEED || byte === CARRIAGE_RETURN;
}

const COLON = 0x3a;

/** Whether bytes are nothing but comments of an event stream, which are no sign of progress. */
export function isOnlyComments(bytes: Uint8Array): boolean {
  if (bytes[0] !== COLON && !isLineEnd(bytes[0])) return false;
  for (let i = 0; i < bytes.length; i++) {
    if (!isLineEnd(bytes[i])) continue;
    const next = bytes[i + 1];
    if (next !== undefined && next !== COLON && !isLineEnd(next)) return false;
  }
  return true;
}
