import { lastChunks } from "../../util/last_chunks.ts";
import { nextEvent } from "../../http/sse_events.ts";
import { openEvent } from "../../http/sse_open_event.ts";
import { type Dialect, readEvent, UNKNOWN_SHAPE } from "../../vllm/stream_events.ts";

/** The state of a stream after a chunk. */
export type StreamState =
  /** More events follow. */
  | { readonly kind: "open" }
  /** Its last event has arrived; `status` is set if that is an error. */
  | { readonly kind: "ended"; readonly status?: number | undefined; readonly goodBytes?: number }
  /** The server aborted it: only the first `goodBytes` of the chunk precede that. */
  | { readonly kind: "aborted"; readonly goodBytes: number };

/** Watches an answer's events for its end, chunk by chunk. */
export interface StreamWatch {
  readonly state: StreamState;
  /** A clean end of the connection is the end of the answer. */
  readonly isComplete: boolean;
  /** Why its choices ended, as far as they have. */
  readonly finishReasons: readonly string[];
  /** Returns the last bytes seen. */
  tail(): Uint8Array<ArrayBuffer>;
  /** Takes the next chunk and returns the new state. */
  see(chunk: Uint8Array<ArrayBuffer>): StreamState;
}

/** Far more than the choices of a request. */
const MOST_REASONS = 128;

/** The last chunks contain the usage, which may span two of them. */
const KEPT = { count: 4, shortBytes: 64, mostBytes: 16 * 1024 };

const OPEN: StreamState = { kind: "open" };
const latin1 = new TextDecoder("latin1");

/**
 * Creates a watch.
 *
 * @param dialect `undefined` for anything but an event stream; only the last bytes are kept then
 * @param finished whether the part that was held back already gave the finish reason
 */
export function watchStream(
  dialect: Dialect | undefined,
  finished = dialect === "other",
): StreamWatch {
  const last = lastChunks(KEPT);
  const unread = openEvent();
  /** An event was too long to keep; it may even have been the last one. */
  let isLost = false;
  const reasons: string[] = [];

  /** Reads complete events, the first of which may have begun in earlier chunks. */
  function read(events: Uint8Array, begunBefore: number, dialect: Dialect): StreamState {
    const text = latin1.decode(events);
    let start = 0;
    for (let event = nextEvent(text); event; event = nextEvent(text, start)) {
      const { kind, finish, status, isEmpty } = readEvent(event, dialect);
      finished ||= finish !== undefined && finish !== "abort";
      if (finish === "abort" || (kind === "end" && (isEmpty || !finished))) {
        return { kind: "aborted", goodBytes: Math.max(0, start - begunBefore) };
      }
      const goodBytes = Math.max(0, start - begunBefore);
      if (finish !== undefined && finish !== UNKNOWN_SHAPE && reasons.length < MOST_REASONS) {
        reasons.push(finish);
      }
      if (kind === "error") return { kind: "ended", status, goodBytes };
      if (kind === "end") return { kind: "ended", status };
      start = event.end;
    }
    return OPEN;
  }

  function look(chunk: Uint8Array<ArrayBuffer>, dialect: Dialect): StreamState {
    const begunBefore = unread.length;
    // Events that arrived in one chunk are parsed only if they may report the end.
    const isToRead = begunBefore > 0 || mayContainEnd(chunk);
    const events = unread.add(chunk);
    isLost = events === "too_long";
    return isToRead && typeof events === "object" ? read(events, begunBefore, dialect) : OPEN;
  }

  const watch: StreamWatch & { state: StreamState; isComplete: boolean } = {
    state: OPEN,
    isComplete: dialect === undefined || dialect === "other",
    finishReasons: reasons,
    tail: last.bytes,
    see(chunk) {
      if (watch.state.kind !== "open") return watch.state;
      if (dialect && !isLost) watch.state = look(chunk, dialect);
      watch.isComplete ||= watch.state.kind === "ended" || isLost;
      last.add(chunk);
      return watch.state;
    },
  };
  return watch;
}

/** Occurs in events that end a stream, give its finish reason or an error; rarely in others. */
const SIGNS = [
  "[DONE]",
  '"error"',
  '"message_delta"',
  '"message_stop"',
  '"response.completed"',
  '"response.incomplete"',
  '"response.failed"',
].map((sign) => new TextEncoder().encode(sign));

/** Occurs in every event of a completion; significant only if its value is a string. */
const FINISH = new TextEncoder().encode('"finish_reason"');

const SECOND_BYTES = new Set([...SIGNS, FINISH].map((sign) => sign[1]!));

/** A plain loop: on chunks of some hundred bytes it takes a tenth of the runtime's searches. */
function mayContainEnd(chunk: Uint8Array): boolean {
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

/** Whether the value after a member's name is a string. */
function isTextBehind(chunk: Uint8Array, at: number): boolean {
  while (chunk[at] === COLON || chunk[at] === SPACE) at++;
  return chunk[at] === QUOTE;
}
