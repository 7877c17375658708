import { createRandom } from "../../src/simulator/random.ts";
import { planPeerTroubles, type RouterStrike } from "./peer_troubles.ts";
import { createSchedule, type Schedule, type ScheduleOptions, type Span } from "./schedule.ts";
import { planUpdate } from "./update.ts";

/** The parts of a run, in their order. */
export const PHASES = ["faults", "peers", "update"] as const;

export type PhaseName = typeof PHASES[number];

export interface Phase extends Span {
  readonly name: PhaseName;
}

/** Everything that goes wrong in a run. Times are in seconds since the start. */
export interface Plan extends Schedule {
  /** In order of their start. */
  readonly routerStrikes: readonly RouterStrike[];
  /** One after the other. */
  readonly phases: readonly Phase[];
}

export interface PlanOptions extends ScheduleOptions {
  /** The only phase; all if undefined. */
  readonly only: PhaseName | undefined;
}

/**
 * Draws a run: servers that fail for `seconds`, then peers in trouble before sound servers, then
 * an update of all servers and routers. The first part is the same with and without the others.
 */
export function createPlan({ only, ...options }: PlanOptions): Plan {
  const random = createRandom(options.seed + 1);
  const phases: Phase[] = [];
  const { servers } = options;
  const at = () => phases.at(-1)?.to ?? 0;
  const isWanted = (name: PhaseName) => only === undefined || only === name;

  let plan: Schedule = { strikes: [], allOut: undefined, faultFree: [] };
  let routerStrikes: readonly RouterStrike[] = [];
  if (isWanted("faults")) {
    plan = createSchedule(options);
    phases.push({ name: "faults", from: 0, to: options.seconds });
  }
  if (isWanted("peers")) {
    const from = at();
    const peers = planPeerTroubles(from, random);
    routerStrikes = peers.routerStrikes;
    const sound = Array.from({ length: servers }, (_, server) => ({ server, from, to: peers.to }));
    plan = { ...plan, faultFree: [...plan.faultFree, ...sound] };
    phases.push({ name: "peers", from, to: peers.to });
  }
  if (isWanted("update")) {
    const from = at();
    const update = planUpdate(from, servers, random);
    routerStrikes = [...routerStrikes, ...update.routerStrikes];
    plan = {
      ...plan,
      strikes: [...plan.strikes, ...update.strikes],
      faultFree: [...plan.faultFree, ...update.faultFree],
    };
    phases.push({ name: "update", from, to: update.to });
  }
  return { ...plan, routerStrikes, phases };
}
