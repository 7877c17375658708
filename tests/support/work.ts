import type { Work } from "../../src/fleet/work.ts";

/** A stream of any model without a prompt that can be told, but for what is given. */
export function workOf(known: Partial<Work> = {}): Work {
  return {
    model: undefined,
    promptBytes: 0,
    blocks: [],
    session: undefined,
    stream: true,
    ...known,
  };
}
