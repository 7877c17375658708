import type { EngineOptions } from "../../../src/simulator/engine/engine_options.ts";
import type { Random } from "../../../src/simulator/random.ts";
import type { Jobs } from "./jobs.ts";
import { type Assignment, type Move, movesFor } from "./moves.ts";
import { type ReplayState, ServerReplay, type Sums } from "./server_replay.ts";

export interface SearchOptions {
  /** What to minimise, over all requests. */
  readonly target: keyof Sums;
  readonly random: Random;
  /** Number of moves to try. */
  readonly moves: number;
  /** Ends the search when it returns false. */
  readonly mayGoOn: () => boolean;
}

export interface Improved {
  readonly assignment: Assignment;
  /** Number of moves that were tried. */
  readonly tried: number;
}

/** A replay is saved so many times, since a move changes nothing before its first request. */
const PARTS = 32;
const LEAST_PART = 8;
/** Parts after a move's first one in which a change for the worse may still turn out well. */
const PATIENCE = 3;
/** Increase of the sum that is accepted at first, in typical times of one request. */
const HEAT = 0.3;

/**
 * Improves an assignment by local search over the whole trace. Servers do not affect each other
 * once the assignment is fixed, so a move is tried by replaying the servers that it concerns, from
 * its first request on. Simulated annealing: at first, moves are made even if they raise the sum over
 * all requests a little. The result is the best assignment on the way.
 */
export function improve(
  jobs: Jobs,
  servers: readonly EngineOptions[],
  start: Assignment,
  { target, random, moves, mayGoOn }: SearchOptions,
): Improved {
  const { all } = jobs;
  const partSize = Math.max(LEAST_PART, Math.ceil(all.length / PARTS));
  const parts = Math.ceil(all.length / partSize);
  const assignment = [...start];
  const replays = servers.map((options) => new ServerReplay(options, jobs.kinds));
  /** Each server's state before each part and at the end. */
  const states: ReplayState[][] = replays.map((replay) => [replay.save()]);
  for (const server of replays.keys()) commit(server, 0);

  /** Replays one part of a server's requests and returns its sum so far. */
  function play(server: number, part: number): number {
    const replay = replays[server]!;
    const end = Math.min(all.length, (part + 1) * partSize);
    for (let index = part * partSize; index < end; index++) {
      if (assignment[index] === server) replay.add(all[index]!);
    }
    replay.advance(all[end]?.atMs);
    return replay.sums()[target];
  }

  /** Replays a server from a part on and saves its states. */
  function commit(server: number, from: number): void {
    replays[server]!.restore(states[server]![from]!);
    for (let part = from; part < parts; part++) {
      play(server, part);
      states[server]![part + 1] = replays[server]!.save();
    }
  }

  /** Returns the change of the sum by the servers' new requests; `undefined` if above `most`. */
  function changeOf(changed: readonly number[], from: number, most: number): number | undefined {
    for (const server of changed) replays[server]!.restore(states[server]![from]!);
    let change = 0;
    for (let part = from; part < parts; part++) {
      change = 0;
      for (const server of changed) {
        change += play(server, part) - states[server]![part + 1]!.sums[target];
      }
      if (part >= from + PATIENCE && change > most) return undefined;
    }
    return change > most ? undefined : change;
  }

  /** Makes a move and returns the one that undoes it. */
  function make(move: Move): Move {
    const undo = new Map([...move.keys()].map((index) => [index, assignment[index]!]));
    for (const [index, server] of move) assignment[index] = server;
    return undo;
  }

  const draw = movesFor(jobs, servers.length, random);
  const perRequest = states.reduce((sum, saved) => sum + saved[parts]!.sums[target], 0) /
    all.length;
  let best = start;
  let sum = 0;
  let least = 0;
  let tried = 0;
  while (tried < moves && mayGoOn()) {
    const heat = HEAT * perRequest * (1 - tried / moves);
    const most = -Math.log(1 - random()) * heat;
    tried++;
    const move = draw(assignment);
    const undo = make(move);
    const changed = [...new Set([...move.values(), ...undo.values()])];
    const from = Math.floor(Math.min(...move.keys()) / partSize);
    const change = changeOf(changed, from, most);
    if (change === undefined) {
      make(undo);
      continue;
    }
    for (const server of changed) commit(server, from);
    sum += change;
    if (sum >= least) continue;
    least = sum;
    best = [...assignment];
  }
  return { assignment: best, tried };
}

/** Returns the sums over all requests. */
export function sumsOf(
  jobs: Jobs,
  servers: readonly EngineOptions[],
  assignment: Assignment,
): Sums {
  const sums = servers.map((options, server) => {
    const replay = new ServerReplay(options, jobs.kinds);
    for (const [index, job] of jobs.all.entries()) {
      if (assignment[index] === server) replay.add(job);
    }
    replay.advance();
    return replay.sums();
  });
  return {
    firstTokenMs: sums.reduce((sum, { firstTokenMs }) => sum + firstTokenMs, 0),
    perTokenMs: sums.reduce((sum, { perTokenMs }) => sum + perTokenMs, 0),
  };
}
