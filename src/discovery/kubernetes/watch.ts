import { type Api, type Failure, GONE, isResponse, type Kind, shownMessage } from "./api.ts";
import { linesOf } from "./lines.ts";
import { readEvent, readStatus, type WatchEvent } from "./objects.ts";
import { startTimeLimit } from "./time_limit.ts";

/** How a watch is followed. */
export interface WatchOptions {
  readonly kind: Kind;
  /** Events after this version are told. */
  readonly version: string;
  /** How long the API server keeps it open, in whole seconds. */
  readonly seconds: number;
  readonly stopping: AbortSignal;
  /** The API server has accepted the watch. */
  readonly onOpen: () => void;
  /** An added, modified or deleted object, or a bookmark. */
  readonly onEvent: (event: WatchEvent) => void;
}

/** Time for the head of an answer. */
const HEAD_MS = 15_000;
/**
 * How long a watch may be silent, as a multiple of the time agreed. After that its connection is
 * dead: an API server sends bookmarks, and ends a watch in time.
 */
const SILENCE = 1.25;
const MAX_LINE_BYTES = 8 * 1024 ** 2;

/**
 * Follows a watch until it ends. An end in time, or after a silence that was too long, is no failure.
 * Whatever can't be understood is one, since an event may have been missed: list again.
 */
export async function watch(
  api: Api,
  { kind, version, seconds, stopping, onOpen, onEvent }: WatchOptions,
): Promise<Failure | undefined> {
  using limit = startTimeLimit(HEAD_MS, stopping);
  const answer = await api.get(kind, {
    watch: "true",
    resourceVersion: version,
    allowWatchBookmarks: "true",
    timeoutSeconds: String(seconds),
  }, limit.signal);
  if (!isResponse(answer)) return answer;
  onOpen();
  const silenceMs = seconds * 1000 * SILENCE;
  limit.restart(silenceMs);
  const failed = (why: string) => ({ reason: `the watch of ${kind.plural}: ${why}` });
  try {
    for await (const line of linesOf(answer, MAX_LINE_BYTES, limit.signal)) {
      limit.restart(silenceMs);
      const event = eventIn(line);
      if (!event) return { ...failed("expected an event in JSON"), listAgain: true };
      if (event.type === "ERROR") {
        const { code, message } = readStatus(event.object);
        const why = `${code}: ${shownMessage(message)}`;
        return { ...failed(why), listAgain: true, ...(code === GONE && { isUsual: true }) };
      }
      onEvent(event);
    }
    return undefined;
  } catch (error) {
    if (error instanceof RangeError) return { ...failed(error.message), listAgain: true };
    if (limit.signal.aborted) return undefined;
    return { ...failed("it broke off"), isUsual: true };
  }
}

function eventIn(line: string): WatchEvent | undefined {
  try {
    return readEvent(JSON.parse(line));
  } catch {
    return undefined;
  }
}
