import type { Outcome } from "../../src/fleet/outcome.ts";
import type { Clock } from "../../src/simulator/clock.ts";
import type { Engine } from "../../src/simulator/engine.ts";
import type { TokenCounts } from "../../src/simulator/usage.ts";
import type { TimedRequest } from "./request.ts";
import type { ServerPlan } from "./servers.ts";

/** A server of a fleet in virtual time. */
export interface VirtualServer {
  readonly plan: ServerPlan;
  /** What computes; `undefined` while the server is away. */
  readonly engine: Engine | undefined;
}

/** What a chooser stands before. */
export interface Surroundings {
  readonly clock: Clock;
  readonly servers: readonly VirtualServer[];
  /** Whether the servers' metrics pages say anything. */
  readonly metrics: boolean;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Mean tokens of an answer. */
  readonly answerTokens: number;
}

/** Chooses servers for requests, as a router or a load balancer does. */
export interface Chooser {
  /** `undefined` where there is no server to choose. `tried` holds places in the fleet. */
  choose(request: TimedRequest, tried: ReadonlySet<number>): Choice | undefined;
}

/** A server that was chosen, and what its chooser hears of the request then. */
export interface Choice {
  /** Its place in the fleet. */
  readonly server: number;
  firstToken(): void;
  /** `usage` as an answer tells it that came to its end. */
  end(outcome: Outcome, usage?: TokenCounts): void;
}
