import { sleep } from "../support/processes.ts";
import { MODEL } from "./asking.ts";
import type { ConfigFile } from "./config_file.ts";
import { type DisturbingRouters, disturbRouters } from "./disturb_routers.ts";
import type { Replacement } from "./kinds.ts";
import type { Plan } from "./plan.ts";
import type { Routers } from "./routers.ts";
import type { Strike } from "./schedule.ts";
import type { Servers } from "./servers.ts";
import type { TargetsFile } from "./targets_file.ts";

/** Everything that may get into trouble. */
export interface Stage {
  readonly servers: Servers;
  readonly routers: Routers;
  readonly targets: TargetsFile;
}

/** Longer than any answer takes. */
const DRAIN_SECONDS = 10;

/**
 * Starts and ends all troubles as planned.
 *
 * @param startedAt the plan's start, on the clock of `performance.now`
 * @returns what became of the routers
 */
export async function conduct(
  plan: Plan,
  { servers, routers, targets }: Stage,
  startedAt: number,
): Promise<Pick<DisturbingRouters, "disturbed" | "knownAfterMs">> {
  const { simulators } = servers;
  const disturbing = disturbRouters(routers, servers);
  const turns = [
    ...plan.strikes.flatMap((strike) => [
      { at: strike.from, act: () => begin(strike) },
      { at: strike.to, act: () => end(strike) },
    ]),
    ...plan.routerStrikes.map((strike) => ({
      at: strike.from,
      act: () => disturbing.strike(strike),
    })),
  ].sort((a, b) => a.at - b.at);
  const eachConfig = async (change: (config: ConfigFile) => Promise<void>) => {
    await Promise.all(routers.members.map(({ config }) => change(config)));
  };

  async function begin({ server, trouble }: Strike): Promise<void> {
    if (trouble.kind === "removed") await eachConfig((config) => config.remove(server));
    else if (trouble.kind === "broken_file") await eachConfig((config) => config.spoil());
    else if (trouble.kind === "other_model") simulators[server]!.setModels(["other-model"]);
    else if (trouble.kind === "replaced") await endServer(server, trouble);
    else await simulators[server]!.setFault(trouble);
  }

  async function end({ server, trouble }: Strike): Promise<void> {
    if (trouble.kind === "removed") await eachConfig((config) => config.restore(server));
    else if (trouble.kind === "broken_file") await eachConfig((config) => config.write());
    else if (trouble.kind === "other_model") simulators[server]!.setModels([MODEL]);
    else if (trouble.kind === "replaced") {
      const started = await servers.start();
      await targets.add(started, simulators[started]!.url);
    } else await simulators[server]!.setFault(null);
  }

  async function endServer(server: number, { how, unlistedAfter }: Replacement): Promise<void> {
    const simulator = simulators[server]!;
    const unlisted = sleep(unlistedAfter * 1000).then(async () => {
      await targets.remove(server);
      await eachConfig((config) => config.remove(server));
    });
    if (how === "kill") await simulator.close();
    else if (how === "drain") await simulator.shutDown(DRAIN_SECONDS);
    else await simulator.setFault({ kind: "terminated", how });
    await unlisted;
  }

  // A server that is slow to stop delays only its own next trouble, not those of others.
  const acting: Promise<void>[] = [];
  for (const { at, act } of turns) {
    await sleep(Math.max(0, startedAt + at * 1000 - performance.now()));
    acting.push(act());
  }
  await Promise.all(acting);
  return disturbing;
}
