import { choosePerfectly } from "../perfect.ts";
import { engineOptions, type ServerPlan } from "../servers.ts";
import type { Job, Jobs } from "./jobs.ts";
import type { Assignment } from "./moves.ts";
import { ServerReplay, type Sums } from "./server_replay.ts";

/** Number of later requests that a choice is judged by. More takes longer and gains little. */
const REQUESTS_AHEAD = 40;

/**
 * Chooses for one request after the other by trying every server: the best is the one with the
 * lowest sum once the greedy chooser has assigned the requests that arrive next and all of them
 * have ended.
 *
 * @param mayGoOn false from when on the greedy chooser assigns the rest
 */
export function lookAhead(
  jobs: Jobs,
  servers: readonly ServerPlan[],
  answerTokens: number,
  target: keyof Sums,
  mayGoOn: () => boolean,
): Assignment {
  const { all } = jobs;
  const replays = servers.map((plan) => new ServerReplay(engineOptions(plan), jobs.kinds));

  function greedy(job: Job): number {
    return choosePerfectly(replays.map((replay, server) => ({
      plan: servers[server]!,
      outlook: replay.inspect(job),
      promptTokens: job.promptTokens,
      answerTokens,
    })))!;
  }

  /** Returns the sum if a request goes to a server. */
  function sumWith(index: number, server: number): number {
    replays[server]!.add(all[index]!);
    for (const job of all.slice(index + 1, index + 1 + REQUESTS_AHEAD)) {
      replays[greedy(job)]!.add(job);
    }
    for (const replay of replays) replay.advance();
    return replays.reduce((sum, replay) => sum + replay.sums()[target], 0);
  }

  function best(index: number): number {
    const first = greedy(all[index]!);
    const states = replays.map((replay) => replay.save());
    const restore = () => replays.forEach((replay, server) => replay.restore(states[server]!));
    let chosen = first;
    let least = sumWith(index, first);
    restore();
    for (const server of replays.keys()) {
      if (server === first) continue;
      const sum = sumWith(index, server);
      restore();
      if (sum >= least) continue;
      least = sum;
      chosen = server;
    }
    return chosen;
  }

  return all.map((job, index) => {
    const server = mayGoOn() ? best(index) : greedy(job);
    replays[server]!.add(job);
    return server;
  });
}
