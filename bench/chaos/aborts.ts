import type { Case } from "./judge.ts";
import type { Accounted, Moved } from "./router_log.ts";

/** Why one server's requests were aborted, in the end. */
export interface Aborts {
  readonly server: number;
  /** Requests that the server saw dropped before their end. */
  readonly aborted: number;
  /** Of these, those whose client left. */
  readonly left: number;
  /** Of these, those that the router gave up, to try another server or to end the stream. */
  readonly givenUp: number;
  /** The request's id of all others. */
  readonly unexplained: readonly string[];
}

/** What the router told of requests, by their id, with servers by their place. */
export interface Told {
  readonly moved: ReadonlyMap<string, readonly Moved[]>;
  readonly accounted: ReadonlyMap<string, Accounted>;
}

/**
 * Matches what each server saw aborted, attempt by attempt, with what clients did and the router
 * said. Counted is every attempt of which a server had read the whole request, and whose connection
 * ended before its answer did. It is explained by exactly one of two:
 *
 * - `givenUp`: the router said that it moved this request away from this server, or that it ended
 *   it with an error of the server's, as it does where a stream falls silent;
 * - `left`: the client says that it left, and the router didn't move the request from this server.
 *
 * Not counted are attempts that a server ended itself (those of faults, and those that were whole
 * when the client left), and those that never reached one.
 */
export function explainAborts(cases: readonly Case[], servers: number, told: Told): Aborts[] {
  const counts = Array.from({ length: servers }, (_, server) => ({
    server,
    aborted: 0,
    left: 0,
    givenUp: 0,
    unexplained: [] as string[],
  }));
  for (const { asking: { id }, got, attempts } of cases) {
    // One of a request's attempts at most is what its client left.
    let left = got.ended === "left" || got.ended === "given up" ? 1 : 0;
    for (const { server, how } of attempts.toReversed()) {
      if (how !== "aborted") continue;
      const count = counts[server]!;
      count.aborted++;
      const moved = told.moved.get(id)?.some(({ from }) => from === server);
      if (moved) count.givenUp++;
      else if (left > 0) {
        count.left++;
        left--;
      } else if (told.accounted.get(id)?.outcome === "upstream_error") count.givenUp++;
      else count.unexplained.push(id);
    }
  }
  return counts;
}

/** For each client that left an attempt, how long its server went on, in milliseconds. */
export function freeingTimes(cases: readonly Case[]): number[] {
  return cases.filter(({ got }) => got.ended === "left").flatMap(({ got, attempts }) => {
    const last = attempts.at(-1);
    return last?.how === "aborted" ? [Math.max(0, last.endedAt - got.endedAt)] : [];
  }).sort((a, b) => a - b);
}
