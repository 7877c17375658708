import type { Room } from "../../src/proxy/admission.ts";
import type { Limits } from "../../src/proxy/attempt/deadlines.ts";

/** The engine's progress when its counters are not visible. */
const NOTHING_KNOWN = { movedAt: -Infinity, noProgressSince: Infinity };

/** Returns timeouts that no test reaches, except the given ones. */
export function limitsWith(limits: Partial<Limits> = {}): Limits {
  return {
    connectMs: 60_000,
    firstByteMs: 60_000,
    chunkMs: 60_000,
    clientMs: 60_000,
    dueAt: Infinity,
    stallTimeoutMs: 60_000,
    engine: () => NOTHING_KNOWN,
    evictions: new Set(),
    cutOffs: new Set(),
    ...limits,
  };
}

/** Buffer limit with room for any answer. */
export const ROOMY: Room = { take: () => true, drop() {} };
