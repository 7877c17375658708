import { monotonicMs, uniform, wallTimeMs } from "../util/clock.ts";
import type { Config } from "../config/config.ts";
import type { Decision } from "./decision.ts";
import type { Outcome } from "./outcome.ts";
import type { Server, ServerIdentity } from "./state/server.ts";
import type { StateChange } from "./state/change.ts";

/** Options of a fleet. */
export interface FleetOptions {
  /** The first servers and settings. */
  readonly config: Config;
  /**
   * Monotonic clock in milliseconds. Snapshots show a custom clock's times unchanged.
   *
   * @default monotonicMs
   */
  readonly now?: () => number;
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: () => number;
  /** Called with each decision. @default no-op */
  readonly onDecision?: (decision: Decision) => void;
  /** Called once with each state change. @default no-op */
  readonly onStateChange?: (change: StateChange) => void;
  /** Called when an attempt's outcome is settled. @default no-op */
  readonly onOutcome?: (server: ServerIdentity, outcome: Outcome) => void;
  /** Called with a server to check, and whose models to re-read, now. @default no-op */
  readonly onDoubt?: (server: Server) => void;
}

/** Clocks, random source and listeners of a fleet. */
export type ResolvedOptions = Required<Omit<FleetOptions, "config">> & {
  /** Converts a time on the fleet's clock to wall-clock time. */
  readonly toWallTime: (time: number) => number;
};

/** Fills in the defaults. */
export function resolveOptions(options: FleetOptions): ResolvedOptions {
  return {
    now: options.now ?? monotonicMs,
    toWallTime: options.now ? (time) => time : wallTimeMs,
    random: options.random ?? uniform,
    onDecision: options.onDecision ?? (() => {}),
    onStateChange: options.onStateChange ?? (() => {}),
    onOutcome: options.onOutcome ?? (() => {}),
    onDoubt: options.onDoubt ?? (() => {}),
  };
}
