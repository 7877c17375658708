import type { Dialect } from "./stream_events.ts";

/** An answer begins with its id. */
const HEAD_BYTES = 512;
/** The reasons are close to the end of an answer, unless it has many or long choices. */
const TAIL_BYTES = 16 * 1024;

const ID = /"id": ?"([^"\\]{1,256})"/;

/** Values that end each choice. Generated text doesn't match, since its quotes are escaped. */
const REASONS: Readonly<Record<Dialect, RegExp>> = {
  completions: /"finish_reason": ?"(\w{1,64})"/g,
  other: /"finish_reason": ?"(\w{1,64})"/g,
  messages: /"stop_reason": ?"(\w{1,64})"/g,
  responses: /"status": ?"(completed|incomplete|failed|cancelled)"/g,
};

const latin1 = new TextDecoder("latin1");

/** Reads an answer's id, which is at the beginning of a document or of a stream's first event. */
export function idIn(head: Uint8Array | undefined): string | undefined {
  return ID.exec(latin1.decode(head?.subarray(0, HEAD_BYTES)))?.[1];
}

/**
 * Reads why an unstreamed answer ended, for each of its choices: the `finish_reason`, the
 * `stop_reason` or the status of a response.
 *
 * @param tail the answer, or its last bytes
 */
export function finishReasonsIn(tail: Uint8Array, dialect: Dialect): readonly string[] {
  const text = latin1.decode(tail.subarray(-TAIL_BYTES));
  const reasons = [...text.matchAll(REASONS[dialect])].map(([, reason]) => reason!);
  // The items of a response have their own status, before that of the response.
  return dialect === "responses" ? reasons.slice(-1) : reasons;
}
