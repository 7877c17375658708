import type { Simulator } from "../../src/simulator/simulator.ts";
import { sleep } from "../support/processes.ts";
import { MODEL } from "./asking.ts";
import type { ConfigFile } from "./config_file.ts";
import type { Schedule, Strike } from "./schedule.ts";

/**
 * Starts and ends all troubles as scheduled.
 *
 * @param startedAt the schedule's start, on the clock of `performance.now`
 */
export async function conduct(
  schedule: Schedule,
  simulators: readonly Simulator[],
  config: ConfigFile,
  startedAt: number,
): Promise<void> {
  const turns = schedule.strikes.flatMap((strike) => [
    { at: strike.from, act: () => begin(strike) },
    { at: strike.to, act: () => end(strike) },
  ]).sort((a, b) => a.at - b.at);

  async function begin({ server, trouble }: Strike): Promise<void> {
    if (trouble.kind === "removed") await config.remove(server);
    else if (trouble.kind === "broken_file") await config.spoil();
    else if (trouble.kind === "other_model") simulators[server]!.setModels(["other-model"]);
    else await simulators[server]!.setFault(trouble);
  }

  async function end({ server, trouble }: Strike): Promise<void> {
    if (trouble.kind === "removed") await config.restore(server);
    else if (trouble.kind === "broken_file") await config.write();
    else if (trouble.kind === "other_model") simulators[server]!.setModels([MODEL]);
    else await simulators[server]!.setFault(null);
  }

  // A server that is slow to stop delays only its own next trouble, not those of others.
  const acting: Promise<void>[] = [];
  for (const { at, act } of turns) {
    await sleep(Math.max(0, startedAt + at * 1000 - performance.now()));
    acting.push(act());
  }
  await Promise.all(acting);
}
