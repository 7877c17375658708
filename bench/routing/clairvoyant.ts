import { createRandom } from "../../src/simulator/random.ts";
import type { Chooser, Surroundings } from "./chooser.ts";
import { LEAST_WORK, PERFECT } from "./names.ts";
import { replayOffline } from "./offline.ts";
import { offlineContender } from "./offline_contenders.ts";
import type { Replay } from "./replay.ts";
import type { TimedRequest } from "./request.ts";
import { type Outcomes, summaryOf } from "./sample.ts";
import type { Scenario } from "./scenarios.ts";
import { jobsOf } from "./search/jobs.ts";
import { improve, sumsOf } from "./search/local_search.ts";
import { lookAhead } from "./search/look_ahead.ts";
import type { Assignment } from "./search/moves.ts";
import type { Sums } from "./search/server_replay.ts";
import { engineOptions } from "./servers.ts";

/** How long to search. The moves decide, unless the machine is too slow for them. */
export interface SearchLimits {
  /** Moves of the local search. */
  readonly moves: number;
  /** Seconds after which the search ends even so, which makes its result depend on the machine. */
  readonly seconds: number;
}

/** An assignment of requests to servers, and what it led to. */
interface Attempt {
  readonly name: string;
  readonly assignment: Assignment;
  readonly outcomes: Outcomes;
}

/**
 * Replays a scenario to a chooser that knows the arrivals to come. It takes the best of the greedy
 * chooser's assignment, the router's, and one by looking ahead, improves that by local search, and
 * replays it in the simulator's engines. The result is the best of all these replays, so it is never
 * worse than the greedy chooser's. In a restart, requests are lost and sent again, so there the
 * search is left out.
 *
 * @param target what to minimise
 * @param tell gets a line that says how far the search got
 */
export function replayClairvoyantly(
  scenario: Scenario,
  replay: Replay,
  seed: number,
  target: keyof Sums,
  { moves, seconds }: SearchLimits,
  tell: (line: string) => void,
): Outcomes {
  const attempts = [PERFECT, LEAST_WORK].map((name) => attempt(name, scenario, replay, seed));
  const told = ({ name, outcomes }: Attempt) => `${name} ${meanOf(outcomes, target).toFixed(1)} ms`;
  if (scenario.restart) {
    tell(`no search in a restart: ${attempts.map(told).join(", ")}`);
    return bestOf(attempts, target).outcomes;
  }
  const startedAt = performance.now();
  const mayGoOn = () => performance.now() - startedAt < seconds * 1000;
  const jobs = jobsOf(replay.requests);
  const engines = scenario.servers.map((plan) => engineOptions(plan));
  const { answerTokens } = replay;
  const ahead = lookAhead(jobs, scenario.servers, answerTokens, target, mayGoOn);
  const cameThrough = mayGoOn();
  const starts = [...attempts.map(({ assignment }) => assignment), ahead];
  const sums = starts.map((assignment) => sumsOf(jobs, engines, assignment)[target]);
  const start = starts[sums.indexOf(Math.min(...sums))]!;
  const random = createRandom(seed + 3);
  const options = { target, random, moves, mayGoOn };
  const { assignment, tried } = improve(jobs, engines, start, options);
  for (const [name, found] of [["look-ahead", ahead], ["local search", assignment]] as const) {
    attempts.push({ name, assignment: found, outcomes: follow(found, scenario, replay, seed) });
  }
  tell(
    `${attempts.map(told).join(", ")}; ${tried} of ${moves} moves` +
      (cameThrough ? "" : `, and not all looked ahead for, in ${seconds} s`),
  );
  return bestOf(attempts, target).outcomes;
}

/** Replays a scenario to a contender and notes where it sent each request. */
function attempt(name: string, scenario: Scenario, replay: Replay, seed: number): Attempt {
  const create = offlineContender(name);
  if (typeof create === "string") throw new Error(`${name}: ${create}`);
  const servers = new Map<TimedRequest, number>();
  const noting = (surroundings: Surroundings): Chooser => {
    const chooser = create(surroundings);
    return {
      choose(request, tried) {
        const choice = chooser.choose(request, tried);
        if (choice) servers.set(request, choice.server);
        return choice;
      },
    };
  };
  const outcomes = replayOffline(scenario, replay, noting, seed);
  return {
    name,
    assignment: replay.requests.map((request) => servers.get(request) ?? 0),
    outcomes,
  };
}

/** Replays a scenario with a fixed assignment. */
function follow(
  assignment: Assignment,
  scenario: Scenario,
  replay: Replay,
  seed: number,
): Outcomes {
  const servers = new Map(replay.requests.map((request, index) => [request, assignment[index]!]));
  const chooser: Chooser = {
    choose: (request) => ({ server: servers.get(request)!, firstToken() {}, end() {} }),
  };
  return replayOffline(scenario, replay, () => chooser, seed);
}

function meanOf(outcomes: Outcomes, target: keyof Sums): number {
  const { firstToken, perToken } = summaryOf(outcomes);
  return (target === "firstTokenMs" ? firstToken : perToken).mean;
}

function bestOf(attempts: readonly Attempt[], target: keyof Sums): Attempt {
  return attempts.toSorted(({ outcomes: a }, { outcomes: b }) =>
    meanOf(a, target) - meanOf(b, target)
  )[0]!;
}
