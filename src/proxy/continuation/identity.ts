import type { Range } from "../../vllm/token_event.ts";

/** What identifies an answer in each of its events. */
export interface Identity {
  readonly id: unknown;
  readonly created: unknown;
  readonly model: unknown;
}

const decoder = new TextDecoder();

/**
 * Reads what identifies an answer from one of its events.
 *
 * @param skipped a list in it, which may be long
 * @returns `undefined` if the event isn't as expected
 */
export function identityIn(event: Uint8Array, skipped: Range | undefined): Identity | undefined {
  const text = skipped
    ? `${decoder.decode(event.subarray(0, skipped[0]))}[]${
      decoder.decode(event.subarray(skipped[1]))
    }`
    : decoder.decode(event);
  try {
    const { id, created, model } = JSON.parse(text.slice("data:".length));
    return { id, created, model };
  } catch {
    return undefined;
  }
}
