import { createKeyLimits, type KeyLimits } from "../../src/auth/key_limits.ts";
import type { Uses } from "../../src/auth/peer_use.ts";
import type { ApiKey } from "../../src/config/config.ts";

/** The step of time. */
export const STEP_MS = 10;
/** Every router tells this often. */
const TOLD_MS = 50;

export interface SharingRouter extends KeyLimits {
  readonly name: string;
  /** What is on its way to it. */
  readonly arriving: { at: number; from: string; uses: Uses }[];
}

/** Routers in virtual time that tell each other; lines take up to `delayMs`. */
export function simulateSharing(count: number, key: ApiKey, delayMs: number) {
  const state = { now: 1_000_000 };
  const routers: SharingRouter[] = Array.from({ length: count }, (_, at) => {
    const access = { keys: [key] };
    const limits = createKeyLimits(() => access, () => state.now);
    limits.shared.share(true);
    return { ...limits, name: `router-${at}`, arriving: [] };
  });
  const others = (router: SharingRouter) => routers.filter((other) => other !== router);
  for (const router of routers) {
    for (const { name } of others(router)) router.shared.join(name).hear([], state.now);
  }

  /** Passes some time. The routers don't tell at the same moment. */
  function pass(ms: number): void {
    for (const end = state.now + ms; state.now < end;) {
      state.now += STEP_MS;
      for (const [at, router] of routers.entries()) {
        for (let next; (next = router.arriving[0]) && next.at <= state.now;) {
          router.arriving.shift();
          router.shared.join(next.from).hear(next.uses, state.now);
        }
        if ((state.now / STEP_MS + at * 3) % (TOLD_MS / STEP_MS) !== 0) continue;
        const uses = router.shared.changes(state.now);
        if (uses.length === 0) continue;
        for (const other of others(router)) {
          other.arriving.push({ at: state.now + delayMs, from: router.name, uses });
        }
      }
    }
  }
  return { state, routers, pass };
}
