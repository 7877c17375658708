import type { Access } from "../config/config.ts";
import { createKeyring, type Keyring } from "./keyring.ts";
import { createSharedLimits, type SharedLimits } from "./shared_limits.ts";
import { createTokenBudgets, type TokenBudgets } from "./token_limits.ts";

/** The keys and all their limits. */
export interface KeyLimits {
  readonly keyring: Keyring;
  readonly budgets: TokenBudgets;
  /** The parts of the limits that all routers share. */
  readonly shared: SharedLimits;
}

/**
 * Creates the limits, unused.
 *
 * @param access called for each request, so that a reload takes effect at once
 * @param now returns monotonic time in milliseconds
 */
export function createKeyLimits(
  access: () => Pick<Access, "keys" | "modelLimits">,
  now: () => number,
): KeyLimits {
  const shared = createSharedLimits(access);
  return {
    keyring: createKeyring(() => access().keys, now, shared),
    budgets: createTokenBudgets(access, now, shared),
    shared,
  };
}
