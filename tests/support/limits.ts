import type { Limits } from "../../src/proxy/deadlines.ts";

/** Limits of time that no test should reach but those that it names. */
export function limitsWith(limits: Partial<Limits> = {}): Limits {
  return {
    connectMs: 5_000,
    firstByteMs: 5_000,
    chunkMs: 5_000,
    clientMs: 5_000,
    dueAt: Infinity,
    stalled: new AbortController().signal,
    cutOff: new AbortController().signal,
    ...limits,
  };
}
