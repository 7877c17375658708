import type { Random } from "../../../src/simulator/random.ts";
import type { Jobs } from "./jobs.ts";

/** The server of each request. */
export type Assignment = readonly number[];

/** Requests, by their index, and the servers that they move to. */
export type Move = ReadonlyMap<number, number>;

/** A later request that repeats the beginning of an earlier one. */
interface Follower {
  readonly index: number;
  /** Share of its prompt that the earlier request has computed, 0 to 1. */
  readonly share: number;
}

/** How many requests after the first one the second of a pair may come, at most. */
const PAIR_DISTANCE = 24;

/** Returns a function that draws moves: of one request, a pair, or a chain of requests. */
export function movesFor(jobs: Jobs, servers: number, random: Random) {
  const followers = followersOf(jobs);
  const count = jobs.all.length;
  const below = (limit: number) => Math.floor(random() * limit);
  const otherThan = (server: number) => (server + 1 + below(servers - 1)) % servers;

  /** Swaps the servers of two requests, or moves both if they have the same. */
  function pair(index: number, assignment: Assignment): Move {
    const other = (index + 1 + below(PAIR_DISTANCE)) % count;
    const [own, others] = [assignment[index]!, assignment[other]!];
    return own === others
      ? new Map([[index, otherThan(own)], [other, otherThan(own)]])
      : new Map([[index, others], [other, own]]);
  }

  /** Moves a request with those that repeat it and are at the same server. */
  function chain(index: number, assignment: Assignment): Move {
    const own = assignment[index]!;
    const server = otherThan(own);
    const least = random();
    const move = new Map([[index, server]]);
    for (const moved of move.keys()) {
      for (const { index: follower, share } of followers[moved]!) {
        if (share >= least && assignment[follower] === own) move.set(follower, server);
      }
    }
    return move;
  }

  return (assignment: Assignment): Move => {
    const index = below(count);
    const kind = random();
    if (kind < 0.5) return new Map([[index, otherThan(assignment[index]!)]]);
    return kind < 0.75 ? pair(index, assignment) : chain(index, assignment);
  };
}

/** Returns, for each request, those whose longest known prefix it was the last to have. */
function followersOf({ all, kinds }: Jobs): readonly (readonly Follower[])[] {
  const latest = new Int32Array(kinds).fill(-1);
  const followers: Follower[][] = all.map(() => []);
  for (const [index, { contents }] of all.entries()) {
    let known = 0;
    while (known < contents.length && latest[contents[known]!] !== -1) known++;
    if (known > 0) {
      followers[latest[contents[known - 1]!]!]!.push({ index, share: known / contents.length });
    }
    for (const content of contents) latest[content] = index;
  }
  return followers;
}
