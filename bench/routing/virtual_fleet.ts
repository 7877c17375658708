import { Engine } from "../../src/simulator/engine/engine.ts";
import type { VirtualServer } from "./chooser.ts";
import { RESTART, type Scenario } from "./scenarios.ts";
import { engineOptions, type ServerPlan } from "./servers.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** Simulated engines without sockets. */
export interface VirtualFleet {
  readonly servers: readonly VirtualServer[];
  /** Returns the prompt tokens looked up in the caches, and those found. */
  prefixTokens(): { readonly queries: number; readonly hits: number };
}

/** Starts a scenario's engines. A restart, if any, happens halfway through the replay. */
export function startVirtualFleet(
  { servers: plans, restart }: Pick<Scenario, "servers" | "restart">,
  clock: VirtualClock,
  endMs: number,
): VirtualFleet {
  const engines: Engine[] = [];
  const start = (plan: ServerPlan): { plan: ServerPlan; engine: Engine | undefined } => {
    const engine = new Engine(engineOptions(plan), clock);
    engines.push(engine);
    return { plan, engine };
  };
  const servers = plans.map(start);

  function leave(): void {
    const [first] = servers;
    const { engine } = first!;
    first!.engine = undefined;
    engine!.close();
    clock.schedule(clock.now() + RESTART.awaySeconds * 1000, comeBack);
  }

  function comeBack(): void {
    const { engine } = start(servers[0]!.plan);
    servers[0]!.engine = engine;
    engine!.slowdown = RESTART.slowdown;
    clock.schedule(clock.now() + RESTART.slowSeconds * 1000, () => engine!.slowdown = 1);
  }

  if (restart) clock.schedule(endMs / 2, leave);
  return {
    servers,
    prefixTokens: () => ({
      queries: engines.reduce((sum, { statistics }) => sum + statistics.prefixQueries, 0),
      hits: engines.reduce((sum, { statistics }) => sum + statistics.prefixHits, 0),
    }),
  };
}
