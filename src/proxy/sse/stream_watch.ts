import { concat } from "../../util/bytes.ts";
import { nextEvent } from "../../http/sse_events.ts";
import { openEvent } from "../../http/sse_open_event.ts";
import { type Dialect, readEvent } from "../../vllm/stream_events.ts";

/** How a stream stands after a chunk. */
export type StreamState =
  /** More is to come. */
  | { readonly kind: "open" }
  /** Its last event is here. `status` where that is an error. */
  | { readonly kind: "ended"; readonly status?: number | undefined }
  /** Its end is here and isn't one: the chunk is good up to `goodBytes`. */
  | { readonly kind: "given_up"; readonly goodBytes: number };

/** Watches what an answer's events say of its end, chunk by chunk. */
export interface StreamWatch {
  readonly state: StreamState;
  /** A clean end of the connection is the end of the answer. */
  readonly isComplete: boolean;
  /** The last bytes that were seen. */
  tail(): Uint8Array<ArrayBuffer>;
  /** Takes the next chunk and tells how the stream stands now. */
  see(chunk: Uint8Array<ArrayBuffer>): StreamState;
}

/** Chunks of which the last are kept: usage stands in them, and may be cut between two. */
const LAST_CHUNKS = 4;
/** Shorter ones are kept as part of the one before. */
const SHORT_CHUNK = 64;
/** Longer ones are kept in part. */
const LONGEST_KEPT = 16 * 1024;

const OPEN: StreamState = { kind: "open" };
const latin1 = new TextDecoder("latin1");

/**
 * @param dialect `undefined` for what is no event stream, of which only the last bytes are kept
 * @param finished whether what was held back of the stream told why the model stopped
 */
export function watchStream(
  dialect: Dialect | undefined,
  finished = dialect === "other",
): StreamWatch {
  const last: Uint8Array<ArrayBuffer>[] = [];
  const unread = openEvent();
  let kept = 0;
  let state = OPEN;
  /** An event was too long to be kept: it may have been any, the last one as well. */
  let isLost = false;

  function keep(chunk: Uint8Array<ArrayBuffer>): void {
    const at = (kept + LAST_CHUNKS - 1) % LAST_CHUNKS;
    if (kept > 0 && last[at]!.length < SHORT_CHUNK) last[at] = concat([last[at]!, chunk]);
    else {last[kept++ % LAST_CHUNKS] = chunk.length > LONGEST_KEPT
        ? chunk.slice(-LONGEST_KEPT)
        : chunk;}
  }

  /** Reads whole events, the first of which may have begun in chunks before. */
  function read(events: Uint8Array, begunBefore: number, dialect: Dialect): StreamState {
    const text = latin1.decode(events);
    let start = 0;
    for (let event = nextEvent(text); event; event = nextEvent(text, start)) {
      const { kind, finish, status, isEmpty } = readEvent(event, dialect);
      finished ||= finish !== undefined && finish !== "abort";
      if (finish === "abort" || (kind === "end" && (isEmpty || !finished))) {
        return { kind: "given_up", goodBytes: Math.max(0, start - begunBefore) };
      }
      if (kind === "end" || kind === "error") return { kind: "ended", status };
      start = event.end;
    }
    return OPEN;
  }

  function look(chunk: Uint8Array<ArrayBuffer>, dialect: Dialect): StreamState {
    const begunBefore = unread.length;
    // Events that came in one chunk are read only where they may tell of the end.
    const isToRead = begunBefore > 0 || mayTellEnd(chunk);
    const events = unread.add(chunk);
    isLost = events === "too_long";
    return isToRead && typeof events === "object" ? read(events, begunBefore, dialect) : OPEN;
  }

  return {
    get state() {
      return state;
    },
    get isComplete() {
      return state.kind === "ended" || isLost || dialect === undefined || dialect === "other";
    },
    tail() {
      const oldest = kept % LAST_CHUNKS;
      return concat(
        kept <= LAST_CHUNKS ? last : [...last.slice(oldest), ...last.slice(0, oldest)],
      );
    },
    see(chunk) {
      if (state.kind !== "open") return state;
      if (dialect && !isLost) state = look(chunk, dialect);
      keep(chunk);
      return state;
    },
  };
}

/** What stands in events that end a stream, tell why it ends or of an error, and in few others. */
const SIGNS = [
  "[DONE]",
  '"error"',
  '"message_delta"',
  '"message_stop"',
  '"response.completed"',
  '"response.incomplete"',
  '"response.failed"',
].map((sign) => new TextEncoder().encode(sign));

/** Stands in each event of a completion; it tells something where a text is its value. */
const FINISH = new TextEncoder().encode('"finish_reason"');

const SECOND_BYTES = new Set([...SIGNS, FINISH].map((sign) => sign[1]!));

/** A loop over bytes: for chunks of some hundred it costs a tenth of any search of the runtime's. */
function mayTellEnd(chunk: Uint8Array): boolean {
  for (let i = 0; i < chunk.length; i++) {
    const byte = chunk[i];
    if (byte !== BRACKET && byte !== QUOTE) continue;
    if (!SECOND_BYTES.has(chunk[i + 1]!)) continue;
    for (const sign of SIGNS) if (byte === sign[0] && isAt(chunk, i, sign)) return true;
    if (isAt(chunk, i, FINISH) && isTextBehind(chunk, i + FINISH.length)) return true;
  }
  return false;
}

const BRACKET = 0x5b;
const QUOTE = 0x22;
const SPACE = 0x20;
const COLON = 0x3a;

function isAt(chunk: Uint8Array, at: number, sign: Uint8Array): boolean {
  for (let i = 1; i < sign.length; i++) if (chunk[at + i] !== sign[i]) return false;
  return true;
}

/** Whether the value behind a name of a member is a text. */
function isTextBehind(chunk: Uint8Array, at: number): boolean {
  while (chunk[at] === COLON || chunk[at] === SPACE) at++;
  return chunk[at] === QUOTE;
}
