import type { Room } from "../admission.ts";
import { concat } from "../../util/bytes.ts";
import type { Upstream } from "../../http/upstream.ts";
import type { Reply } from "../response/reply.ts";
import { nextEvent } from "../../http/sse_events.ts";
import { type Dialect, readEvent, UNKNOWN_SHAPE } from "../../vllm/stream_events.ts";
import { type StreamWatch, watchStream } from "../sse/stream_watch.ts";

/** What is held back of an answer, so that another server's can still replace it. */
export interface Held<Source> {
  readonly body: Uint8Array<ArrayBuffer>;
  /** Where more may come. */
  readonly rest: Source | undefined;
  /** What watches the events that are yet to come, where there are any. */
  readonly watch?: StreamWatch | undefined;
  /** The status that a stream's first event tells of, where that is an error. */
  readonly errorStatus?: number | undefined;
  /** The server gave the answer up before its first token. */
  readonly isGivenUp?: boolean;
}

type Readable = Pick<Upstream, "read">;

/** An answer is held up to this size, as long as there is room for it. */
const HELD_BYTES = 1024 * 1024;
/** A stream's beginning is held as bytes and as text. */
const HELD_TWICE = 2;
/** Where so much of a stream came without a token, it is passed on as it is. */
const LONGEST_OPENING = 256 * 1024;

/** Reads the whole body, or its first {@linkcode HELD_BYTES}. Throws when it breaks. */
export async function holdBody<Source extends Readable>(
  upstream: Source,
  room: Pick<Room, "take">,
  chunks: Uint8Array<ArrayBuffer>[] = [],
): Promise<Held<Source>> {
  for (let size = sizeOf(chunks); size < HELD_BYTES;) {
    const chunk = await upstream.read();
    if (!chunk) return { body: concat(chunks), rest: undefined };
    chunks.push(chunk);
    size += chunk.length;
    if (!room.take(chunk.length)) break;
  }
  return { body: concat(chunks), rest: upstream };
}

/** Reads the first bytes of an answer that is passed on as it comes. Throws when it breaks. */
export async function holdFirst<Source extends Readable>(upstream: Source): Promise<Held<Source>> {
  const body = await upstream.read();
  return body ? { body, rest: upstream } : { body: new Uint8Array(), rest: undefined };
}

/**
 * Reads an event stream up to its first token, its end or an error. Comments, and what a server
 * sends before its engine has begun, are passed on at once: they keep the connections of proxies
 * in front open, and another server can still answer. Throws when the stream breaks, or ends
 * before that.
 */
export async function holdEvents<Source extends Readable>(
  upstream: Source,
  expected: Dialect,
  early: Pick<Reply, "pass">,
  room: Pick<Room, "take">,
): Promise<Held<Source>> {
  let chunks: Uint8Array<ArrayBuffer>[] = [];
  /** All that is held, one letter for each byte: places in it are places in the bytes. */
  let text = "";
  let dialect = expected;
  let size = 0;
  /** How much of what is held was read as events. */
  let read = 0;
  let finished = dialect === "other";
  let isEmpty = false;
  const held = (more: Omit<Held<Source>, "body" | "rest"> = {}): Held<Source> => {
    return { body: concat(chunks), rest: upstream, watch: watchStream(dialect, finished), ...more };
  };
  /** Passes on the beginning of what is held, and holds it no longer. */
  const pass = (end: number, kind: "preamble" | "comment") => {
    const bytes = concat(chunks);
    early.pass(bytes.slice(0, end), kind);
    chunks = end < bytes.length ? [bytes.slice(end)] : [];
    text = text.slice(end);
    read = 0;
  };
  let hasRoom = true;
  while (hasRoom && size < HELD_BYTES && text.length < LONGEST_OPENING) {
    const chunk = await upstream.read();
    if (!chunk) throw new Error("The stream ended before its first token");
    chunks.push(chunk);
    size += chunk.length;
    text += latin1.decode(chunk);
    hasRoom = room.take(HELD_TWICE * chunk.length);
    if (size === text.length && NOT_EVENTS.test(text)) {
      return await holdBody(upstream, room, chunks);
    }
    // A long event that comes in small pieces isn't read from its beginning with each of them.
    const isWhole = BLANK_LINE.test(text.slice(-chunk.length - 3));
    const next = () => isWhole ? nextEvent(text, read) : undefined;
    for (let event = next(); event; event = next()) {
      const told = readEvent(event, dialect);
      // Another shape has another end, but for `[DONE]`, which many have.
      if (told.finish === UNKNOWN_SHAPE && dialect !== "completions") dialect = "other";
      finished ||= told.finish !== undefined && told.finish !== "abort";
      isEmpty ||= told.isEmpty === true;
      if (told.kind === "error") return held({ errorStatus: told.status });
      if (told.finish === "abort") return held({ isGivenUp: true });
      if (told.kind === "end") return held({ isGivenUp: isEmpty || !finished });
      if (told.kind === "token") return held();
      if (told.kind === "preamble" && read === 0) pass(event.end, "preamble");
      else read = event.end;
    }
    const comments = read === 0 ? commentsAt(text) : 0;
    if (comments > 0) pass(comments, "comment");
  }
  // Where no room was left its end is known as ever; else nothing was understood of it.
  if (!hasRoom) return held();
  return held({ watch: watchStream(dialect === "completions" ? dialect : "other", true) });
}

/** Ends an event; it may have begun in the chunk before. */
const BLANK_LINE = /(?:\r\n|\n|\r)[\r\n]/;

const latin1 = new TextDecoder("latin1");

/** No line of an event stream begins like this; some servers send JSON and pages under its type. */
const NOT_EVENTS = /^\s*[{[<]/;

/** Bytes of the whole comments and blank lines that a text begins with. */
function commentsAt(text: string): number {
  COMMENTS.lastIndex = 0;
  return COMMENTS.exec(text)?.[0].length ?? 0;
}

const COMMENTS = /(?:(?::[^\r\n]*)?(?:\r\n|\n|\r(?!$)))+/y;

function sizeOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((size, { length }) => size + length, 0);
}
