import type { Case } from "./judge.ts";
import type { Accounted, Moved } from "./router_log.ts";

/** One server's aborted requests, by cause. */
export interface Aborts {
  readonly server: number;
  /** Requests whose connection the server saw closed before their end. */
  readonly aborted: number;
  /** Of these, those whose client disconnected. */
  readonly left: number;
  /** Of these, those that the router aborted, to try another server or to end the stream. */
  readonly givenUp: number;
  /** The request ids of all others. */
  readonly unexplained: readonly string[];
}

/** What the router logged about requests, by request id, with servers by their index. */
export interface Told {
  readonly moved: ReadonlyMap<string, readonly Moved[]>;
  readonly accounted: ReadonlyMap<string, Accounted>;
}

/**
 * Matches the attempts that each server saw aborted with what clients did and the router logged. An
 * attempt counts if its server had read the whole request and the connection ended before the
 * answer did. Each has exactly one of two explanations:
 *
 * - `givenUp`: the router logged that it moved the request away from this server, or that it ended
 *   the request with an upstream error, as it does if a stream falls silent;
 * - `left`: the client disconnected, or its router was killed, and the request wasn't moved away
 *   from this server.
 *
 * Not counted are attempts that the server itself ended (through a fault, or because the answer was
 * complete when the client disconnected), and those that never reached a server.
 */
export function explainAborts(cases: readonly Case[], servers: number, told: Told): Aborts[] {
  const counts = Array.from({ length: servers }, (_, server) => ({
    server,
    aborted: 0,
    left: 0,
    givenUp: 0,
    unexplained: [] as string[],
  }));
  for (const { asking: { id }, got, attempts, router } of cases) {
    // The client can have disconnected from only one of a request's attempts.
    let left = got.ended === "left" || got.ended === "given up" || router === "killed" ? 1 : 0;
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

/** Returns, per attempt that a client left, how long its server kept working, in milliseconds. */
export function freeingTimes(cases: readonly Case[]): number[] {
  const left = cases.filter(({ got, router }) => got.ended === "left" && router !== "frozen");
  return left.flatMap(({ got, attempts }) => {
    const last = attempts.at(-1);
    return last?.how === "aborted" ? [Math.max(0, last.endedAt - got.endedAt)] : [];
  }).sort((a, b) => a - b);
}
