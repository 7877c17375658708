import { monotonicMs, uniform, wallTimeMs } from "../util/clock.ts";
import type { Config } from "../config/config.ts";
import type { Decision } from "./decision.ts";
import type { Outcome } from "./outcome.ts";
import type { Server, ServerIdentity, StateChange } from "./state/server.ts";

/** What a fleet begins with. */
export interface FleetOptions {
  /** The first servers and settings. */
  readonly config: Config;
  /** A monotonic clock, in milliseconds; snapshots show its times as they are. @default monotonicMs */
  readonly now?: () => number;
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: () => number;
  /** Hears of each choice. @default nobody */
  readonly onDecision?: (decision: Decision) => void;
  /** Hears of each change once. @default nobody */
  readonly onStateChange?: (change: StateChange) => void;
  /** Hears of each attempt's end. @default nobody */
  readonly onOutcome?: (server: ServerIdentity, outcome: Outcome) => void;
  /** Hears of a server that should be checked, and its models read, now. @default nobody */
  readonly onDoubt?: (server: Server) => void;
}

/** The clocks, chance and listeners of a fleet. */
export type Surroundings = Required<Omit<FleetOptions, "config">> & {
  /** The wall-clock time of a time on the fleet's clock. */
  readonly toWallTime: (time: number) => number;
};

/** The options with what stands in for those that aren't given. */
export function surroundingsOf(options: FleetOptions): Surroundings {
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
