/** One event of an event stream. */
export interface StreamEvent {
  /** Its name; `undefined` where it has none. */
  readonly name: string | undefined;
  /** Its `data` lines, joined as the standard says. */
  readonly data: string;
  /** Where it ends in the text, its blank line included. */
  readonly end: number;
}

/** A line and its end, which may be any of three. */
const LINE = /([^\r\n]*)(\r\n|\n|\r)/y;

/**
 * The first event in a text that has data; comments and fields alone are none. A text that ends
 * in a lone `\r` is not looked at to its end: a `\n` may follow.
 *
 * @returns `undefined` where no whole event is there yet
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

/** The value in `data: value`, without that one space; a line without a colon has an empty value. */
function valueOf(line: string): string {
  const colon = line.indexOf(":");
  return colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Where the last event or comment that is whole ends: behind the last blank line, or at 0 where
 * there is none. A lone `\r` at the end is no line's end yet, as a `\n` may follow.
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

/** Kinds of errors by name that are the server's, where no status is told. */
const SERVERS_OWN = /server|internal|overloaded|api_error|unavailable|timeout|engine/i;

/** How vLLM says that it has more requests than `--max-num-queued-reqs`. */
const QUEUE_IS_FULL = /\b503\b|cannot accept new requests/;

/**
 * The status that an event's data tells of, where it tells of an error: in vLLM's shape, its older
 * flat one, OpenAI's and Anthropic's.
 *
 * @returns `undefined` for all that is no error
 */
export function errorStatusOf(data: string): number | undefined {
  if (!data.includes('"error"') && !data.includes('"response.failed"')) return undefined;
  let event: unknown;
  try {
    event = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof event !== "object" || event === null) return undefined;
  const { error, object, type, response } = event as Record<string, unknown>;
  const told = type === "response.failed"
    ? (response as { error?: unknown } | null | undefined)?.error ?? {}
    : error ?? (object === "error" || type === "error" ? event : undefined);
  if (told === undefined) return undefined;
  const { code, type: kind, message } = Object(told) as Record<string, unknown>;
  const status = isText(code) || typeof code === "number" ? Number(code) : NaN;
  if (status >= 400 && status <= 599) return status;
  // `/v1/messages` tells of a full queue in words only.
  if (isText(message) && QUEUE_IS_FULL.test(message)) return 503;
  // vLLM's only string is that of a wrong key; all else without a status is looked at by its name.
  return [code, kind].some((name) => isText(name) && SERVERS_OWN.test(name)) ||
      type === "response.failed"
    ? 500
    : 400;
}

const isText = (value: unknown): value is string => typeof value === "string";

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
