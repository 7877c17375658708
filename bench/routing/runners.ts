import { replayClairvoyantly, type SearchLimits } from "./clairvoyant.ts";
import { liveContender } from "./live_contenders.ts";
import { replayLive } from "./live.ts";
import { CLAIRVOYANT, CLAIRVOYANT_PER_TOKEN } from "./names.ts";
import { replayOffline } from "./offline.ts";
import { offlineContender } from "./offline_contenders.ts";
import type { Replay } from "./replay.ts";
import type { Outcomes } from "./sample.ts";
import type { Scenario } from "./scenarios.ts";
import type { Sums } from "./search/server_replay.ts";

/** Replays a scenario to one contender. */
export type Runner = (scenario: Scenario, replay: Replay, seed: number) => Promise<Outcomes>;

const TARGETS: ReadonlyMap<string, keyof Sums> = new Map([
  [CLAIRVOYANT, "firstTokenMs"],
  [CLAIRVOYANT_PER_TOKEN, "perTokenMs"],
]);

/** Returns runners in virtual time for the contenders that can run. */
export function offlineRunners(
  names: readonly string[],
  tell: (line: string) => void,
  limits: SearchLimits,
): Map<string, Runner> {
  return those(names, tell, (name) => {
    const target = TARGETS.get(name);
    if (target) {
      return (scenario, replay, seed) => {
        const say = (line: string) => tell(`${name}, seed ${seed}: ${line}`);
        const outcomes = replayClairvoyantly(scenario, replay, seed, target, limits, say);
        return Promise.resolve(outcomes);
      };
    }
    const create = offlineContender(name);
    if (typeof create === "string") return create;
    return (scenario, replay, seed) =>
      Promise.resolve(replayOffline(scenario, replay, create, seed));
  });
}

/** Returns runners over sockets for the contenders that can run. Their files go into `folder`. */
export function liveRunners(
  names: readonly string[],
  tell: (line: string) => void,
  folder: string,
  timeScale: number,
): Map<string, Runner> {
  return those(names, tell, (name) => {
    const start = liveContender(name, folder, timeScale);
    if (typeof start === "string") return start;
    return (scenario, replay) => replayLive(scenario, replay, start, timeScale);
  });
}

function those(
  names: readonly string[],
  tell: (line: string) => void,
  find: (name: string) => Runner | string,
): Map<string, Runner> {
  const runners = new Map<string, Runner>();
  for (const name of names) {
    const runner = find(name);
    if (typeof runner === "string") tell(`${name}: ${runner}, skipped`);
    else runners.set(name, runner);
  }
  return runners;
}
