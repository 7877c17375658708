import type { Room } from "../admission.ts";
import { concat } from "../../util/bytes.ts";
import type { Upstream } from "../../http/upstream.ts";
import type { Reply } from "../response/reply.ts";
import { nextEvent } from "../../http/sse_events.ts";
import { type Dialect, readEvent, UNKNOWN_SHAPE } from "../../vllm/stream_events.ts";
import { type StreamWatch, watchStream } from "../sse/stream_watch.ts";

/** The part of an answer that is held back, so that another server's answer can replace it. */
export interface Held<Source> {
  readonly body: Uint8Array<ArrayBuffer>;
  /** The source to read the rest from, if more may come. */
  readonly rest: Source | undefined;
  /** Watches the remaining events, if any. */
  readonly watch?: StreamWatch | undefined;
  /** The status in a stream's first event, if that is an error. */
  readonly errorStatus?: number | undefined;
  /** The server aborted the answer before its first token. */
  readonly isAborted?: boolean;
}

type Readable = Pick<Upstream, "read">;

/** An answer is held back up to this size, memory permitting. */
const HELD_BYTES = 1024 * 1024;
/** The beginning of a stream is kept twice: as bytes and as text. */
const HELD_TWICE = 2;
/** A stream with no token in this many bytes is passed on unchanged. */
const LONGEST_OPENING = 256 * 1024;

/** Reads the whole body, or its first {@linkcode HELD_BYTES}. Throws if it breaks off. */
export async function holdBody<Source extends Readable>(
  upstream: Source,
  room: Pick<Room, "take">,
  chunks: Uint8Array<ArrayBuffer>[] = [],
): Promise<Held<Source>> {
  for (let size = sizeOf(chunks); size < HELD_BYTES;) {
    const chunk = await upstream.read();
    if (!chunk) return { body: concat(chunks), rest: undefined };
    chunks.push(chunk.slice());
    size += chunk.length;
    if (room.take(chunk.length)) continue;
    // It may have been the last.
    const next = await upstream.read();
    if (!next) return { body: concat(chunks), rest: undefined };
    chunks.push(next.slice());
    break;
  }
  return { body: concat(chunks), rest: upstream };
}

/** Reads the first bytes of an answer that is passed on as it arrives. Throws if it breaks off. */
export async function holdFirst<Source extends Readable>(upstream: Source): Promise<Held<Source>> {
  const body = await upstream.read();
  return body
    ? { body: body.slice(), rest: upstream }
    : { body: new Uint8Array(), rest: undefined };
}

/**
 * Reads an event stream up to its first token, its end or an error. Comments, and events that
 * precede the engine's work, are passed on at once: they keep connections through proxies in front
 * alive, and another server can still answer. Throws if the stream breaks off or ends before the
 * first token.
 */
export async function holdEvents<Source extends Readable>(
  upstream: Source,
  expected: Dialect,
  early: Pick<Reply, "pass">,
  room: Pick<Room, "take">,
): Promise<Held<Source>> {
  let chunks: Uint8Array<ArrayBuffer>[] = [];
  /** All held bytes as Latin-1, so that offsets in the text are offsets in the bytes. */
  let text = "";
  /** The last characters of the text. Any read of a growing string copies all of it. */
  let ending = "";
  /** Whether the text has been nothing but white space. */
  let isBlank = true;
  let dialect = expected;
  let size = 0;
  /** How many of the held bytes have been read as events. */
  let read = 0;
  let finished = dialect === "other";
  let isEmpty = false;
  const held = (more: Omit<Held<Source>, "body" | "rest"> = {}): Held<Source> => {
    return { body: concat(chunks), rest: upstream, watch: watchStream(dialect, finished), ...more };
  };
  /** Passes on the first held bytes and releases them. */
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
    chunks.push(chunk.slice());
    size += chunk.length;
    const added = latin1.decode(chunk);
    text += added;
    hasRoom = room.take(HELD_TWICE * chunk.length);
    if (isBlank && size === text.length && NOT_EVENTS.test(added)) {
      return await holdBody(upstream, room, chunks);
    }
    isBlank &&= !/\S/.test(added);
    // Parses only once an event is complete, so a long event in small pieces is parsed once.
    const tail = ending + added;
    ending = tail.slice(-3);
    const isWhole = BLANK_LINE.test(tail);
    const next = () => isWhole ? nextEvent(text, read) : undefined;
    for (let event = next(); event; event = next()) {
      const info = readEvent(event, dialect);
      // An unknown shape has an unknown end, except `[DONE]`, which many formats use.
      if (info.finish === UNKNOWN_SHAPE && dialect !== "completions") dialect = "other";
      finished ||= info.finish !== undefined && info.finish !== "abort";
      isEmpty ||= info.isEmpty === true;
      if (info.kind === "error") return held({ errorStatus: info.status });
      if (info.finish === "abort") return held({ isAborted: true });
      if (info.kind === "end") return held({ isAborted: isEmpty || !finished });
      if (info.kind === "token") return held();
      if (info.kind === "preamble" && read === 0) pass(event.end, "preamble");
      else read = event.end;
    }
    const comments = read === 0 && LINE_END.test(tail) ? commentsAt(text) : 0;
    if (comments > 0) pass(comments, "comment");
  }
  // Without room, the watch still detects the end. Otherwise nothing in the stream was recognised.
  if (!hasRoom) return held();
  return held({ watch: watchStream(dialect === "completions" ? dialect : "other", true) });
}

/** The end of an event; it may have begun in the chunk before. */
const BLANK_LINE = /(?:\r\n|\n|\r)[\r\n]/;

const LINE_END = /[\r\n]/;

const latin1 = new TextDecoder("latin1");

/** No line of an event stream begins like this; some servers send JSON or HTML under its type. */
const NOT_EVENTS = /^\s*[{[<]/;

/** The length of the complete comments and blank lines at the start of a text. */
function commentsAt(text: string): number {
  COMMENTS.lastIndex = 0;
  return COMMENTS.exec(text)?.[0].length ?? 0;
}

const COMMENTS = /(?:(?::[^\r\n]*)?(?:\r\n|\n|\r(?!$)))+/y;

function sizeOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((size, { length }) => size + length, 0);
}
