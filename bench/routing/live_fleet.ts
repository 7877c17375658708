import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from "../../src/simulator/simulator.ts";
import { ANSWER_SEED, MAX_MODEL_LEN } from "./request.ts";
import { RESTART, type Scenario } from "./scenarios.ts";
import { engineOptions, type ServerPlan } from "./servers.ts";

/** A server with a socket. */
export interface LiveServer {
  readonly plan: ServerPlan;
  readonly port: number;
  /** `undefined` while the server is down. */
  readonly simulator: Simulator | undefined;
}

/** Freshly started simulated servers with empty caches. */
export interface LiveFleet extends AsyncDisposable {
  readonly servers: readonly LiveServer[];
  /** Stops the first server now and restarts it later. */
  restart(): Promise<void>;
  /** Returns the prompt tokens looked up in the caches so far, and those found. */
  prefixTokens(): { readonly queries: number; readonly hits: number };
}

/** @param timeScale fleet seconds per real second */
export async function startLiveFleet(
  { servers: plans, metricsMissing }: Scenario,
  timeScale: number,
): Promise<LiveFleet> {
  const simulators: Simulator[] = [];
  const timers: ReturnType<typeof setTimeout>[] = [];

  async function start(plan: ServerPlan, more: SimulatorOptions): Promise<Simulator> {
    const simulator = await startSimulator({
      ...engineOptions(plan, timeScale),
      maxModelLen: MAX_MODEL_LEN,
      seed: ANSWER_SEED,
      ...more,
    });
    simulators.push(simulator);
    return simulator;
  }

  const servers = await Promise.all(plans.map(async (plan) => {
    const simulator = await start(
      plan,
      metricsMissing ? { fault: { kind: "metrics_missing" } } : {},
    );
    return { plan, port: simulator.port, simulator: simulator as Simulator | undefined };
  }));

  function later(fleetSeconds: number, action: () => unknown): void {
    timers.push(setTimeout(action, fleetSeconds * 1000 / timeScale));
  }

  return {
    servers,
    async restart() {
      const first = servers[0]!;
      const leaving = first.simulator!;
      first.simulator = undefined;
      await leaving.close();
      later(RESTART.awaySeconds, async () => {
        const fault = { kind: "slow", factor: RESTART.slowdown } as const;
        const simulator = await start(first.plan, { port: first.port, fault });
        first.simulator = simulator;
        later(RESTART.slowSeconds, () => simulator.setFault(null));
      });
    },
    prefixTokens() {
      const states = simulators.map((simulator) => simulator.state());
      return {
        queries: states.reduce((sum, { prefixQueries }) => sum + prefixQueries, 0),
        hits: states.reduce((sum, { prefixHits }) => sum + prefixHits, 0),
      };
    },
    async [Symbol.asyncDispose]() {
      timers.forEach(clearTimeout);
      await Promise.all(simulators.map((simulator) => simulator.close()));
    },
  };
}
