import type { Outcome } from "../../src/fleet/outcome.ts";
import type { FleetPeers } from "../../src/fleet/peers/fleet_peers.ts";
import type { Clock } from "../../src/simulator/engine/clock.ts";
import type { Engine } from "../../src/simulator/engine/engine.ts";
import type { TokenCounts } from "../../src/simulator/inference/usage.ts";
import type { TimedRequest } from "./request.ts";
import type { ServerPlan } from "./servers.ts";

/** A server of a fleet in virtual time. */
export interface VirtualServer {
  readonly plan: ServerPlan;
  /** The server's engine; `undefined` while the server is down. */
  readonly engine: Engine | undefined;
}

/** The environment of a chooser. */
export interface Surroundings {
  readonly clock: Clock;
  readonly servers: readonly VirtualServer[];
  /** Whether the servers' metrics pages have any metrics. */
  readonly metrics: boolean;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Mean number of tokens per answer. */
  readonly answerTokens: number;
  /** What routers tell each other through. @default they don't talk */
  readonly peers?: PeerLinks | undefined;
}

/** Passes on what routers tell each other, in virtual time. */
export interface PeerLinks {
  /** Adds a router. */
  join(router: FleetPeers, now: () => number): void;
}

/** Chooses servers for requests, as a router or a load balancer does. */
export interface Chooser {
  /** Returns `undefined` if no server is available. `tried` has indices in the fleet. */
  choose(request: TimedRequest, tried: ReadonlySet<number>): Choice | undefined;
}

/** A chosen server, and callbacks that report the request's progress to the chooser. */
export interface Choice {
  /** Its index in the fleet. */
  readonly server: number;
  firstToken(): void;
  /** `usage` is the usage reported by a completed answer. */
  end(outcome: Outcome, usage?: TokenCounts): void;
}
