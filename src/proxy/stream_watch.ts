import { concat } from "./bytes.ts";
import { nextEvent } from "./events.ts";
import { type Dialect, readEvent } from "./stream_events.ts";

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
  let kept = 0;
  let state = OPEN;
  let isCut = false;

  function keep(chunk: Uint8Array<ArrayBuffer>): void {
    const at = (kept + LAST_CHUNKS - 1) % LAST_CHUNKS;
    if (kept > 0 && last[at]!.length < SHORT_CHUNK) last[at] = concat([last[at]!, chunk]);
    else {last[kept++ % LAST_CHUNKS] = chunk.length > LONGEST_KEPT
        ? chunk.slice(-LONGEST_KEPT)
        : chunk;}
  }
  function tail(): Uint8Array<ArrayBuffer> {
    const oldest = kept % LAST_CHUNKS;
    return concat(
      kept <= LAST_CHUNKS ? last : [...last.slice(oldest), ...last.slice(0, oldest)],
    );
  }

  /** Reads the events of the last chunks; those that end in the new one decide. */
  function read(chunk: Uint8Array<ArrayBuffer>, dialect: Dialect): StreamState {
    const before = tail();
    const text = latin1.decode(concat([before, chunk]));
    let start = 0;
    for (let event = nextEvent(text); event; event = nextEvent(text, start)) {
      const { kind, finish, status, isEmpty } = readEvent(event, dialect);
      const isNew = event.end > before.length;
      finished ||= finish !== undefined && finish !== "abort";
      const isGivenUp = finish === "abort" || (kind === "end" && (isEmpty || !finished));
      if (isNew && isGivenUp) {
        return { kind: "given_up", goodBytes: Math.max(0, start - before.length) };
      }
      if (isNew && (kind === "end" || kind === "error")) return { kind: "ended", status };
      start = event.end;
    }
    return OPEN;
  }

  return {
    get state() {
      return state;
    },
    get isComplete() {
      return state.kind === "ended" || dialect === undefined || dialect === "other";
    },
    tail,
    see(chunk) {
      if (state.kind !== "open") return state;
      // An event that is cut between two chunks may hide what to look for.
      if (dialect && (isCut || mayTellEnd(chunk))) state = read(chunk, dialect);
      keep(chunk);
      isCut = !endsEvent(last[(kept + LAST_CHUNKS - 1) % LAST_CHUNKS]!);
      return state;
    },
  };
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Whether bytes end in a blank line. */
function endsEvent(bytes: Uint8Array): boolean {
  const end = bytes.length - 1;
  if (bytes[end] !== LINE_FEED) return false;
  return bytes[end - 1] === LINE_FEED ||
    (bytes[end - 1] === CARRIAGE_RETURN && bytes[end - 2] === LINE_FEED);
}

/** What stands in events that end a stream or tell of an error, and in few others. */
const SIGNS = [
  "[DONE]",
  '"abort"',
  '"error"',
  '"message_stop"',
  '"response.completed"',
  '"response.incomplete"',
  '"response.failed"',
].map((sign) => new TextEncoder().encode(sign));

const SECOND_BYTES = new Set(SIGNS.map((sign) => sign[1]!));

/** A loop over bytes: for chunks of some hundred it costs a tenth of any search of the runtime's. */
function mayTellEnd(chunk: Uint8Array): boolean {
  for (let i = 0; i < chunk.length; i++) {
    const byte = chunk[i];
    if (byte !== 0x5b && byte !== 0x22) continue;
    if (!SECOND_BYTES.has(chunk[i + 1]!)) continue;
    for (const sign of SIGNS) if (byte === sign[0] && isAt(chunk, i, sign)) return true;
  }
  return false;
}

function isAt(chunk: Uint8Array, at: number, sign: Uint8Array): boolean {
  for (let i = 1; i < sign.length; i++) if (chunk[at + i] !== sign[i]) return false;
  return true;
}
