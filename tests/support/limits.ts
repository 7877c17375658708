import type { Room } from "../../src/proxy/admission.ts";
import type { Limits } from "../../src/proxy/attempt/deadlines.ts";

/** Of an engine whose counters nobody can see. */
const NOTHING_KNOWN = { movedAt: -Infinity, stillSince: Infinity };

/** Limits of time that no test should reach but those that it names. */
export function limitsWith(limits: Partial<Limits> = {}): Limits {
  return {
    connectMs: 5_000,
    firstByteMs: 5_000,
    chunkMs: 5_000,
    clientMs: 5_000,
    dueAt: Infinity,
    stillMs: 5_000,
    engine: () => NOTHING_KNOWN,
    evictions: new Set(),
    cutOffs: new Set(),
    ...limits,
  };
}

/** Room for any answer. */
export const ROOMY: Room = { take: () => true, drop() {} };
