import type { LiveServer } from "./live_fleet.ts";
import { choosePerfectly, type Truth } from "./perfect.ts";
import type { TimedRequest } from "./request.ts";

/** Chooses with perfect information for requests that go straight to the servers. */
export interface LivePerfect {
  /** The place of a server; `undefined` where none can be had. */
  choose(request: TimedRequest, tried: ReadonlySet<number>): number | undefined;
}

/**
 * Reads the simulators' true state, and knows besides what it sent them that they have not yet
 * received: a request is on its way for a millisecond or two.
 *
 * @param timeScale seconds of the fleet's in one of ours
 */
export function livePerfect(
  servers: readonly LiveServer[],
  answerTokens: number,
  timeScale: number,
): LivePerfect {
  /** For each server, the new tokens of the requests sent to it since its start, or this one. */
  const sent = new Map<LiveServer["simulator"], number[]>();
  const receivedBefore = new Map(
    servers.map(({ simulator }) => [simulator, simulator?.state().received ?? 0]),
  );

  function truthOf({ plan, simulator }: LiveServer, request: TimedRequest): Truth | undefined {
    if (simulator === undefined) return undefined;
    const outlook = simulator.inspect(request.blockHashes);
    const tokens = sent.get(simulator) ?? [];
    const onTheWay = tokens.slice(
      simulator.state().received - (receivedBefore.get(simulator) ?? 0),
    );
    return {
      plan,
      outlook: {
        ...outlook,
        waiting: outlook.waiting + onTheWay.length,
        pendingTokens: onTheWay.reduce((sum, count) => sum + count, outlook.pendingTokens),
        stepLeftMs: outlook.stepLeftMs * timeScale,
      },
      promptTokens: request.prompt.length,
      answerTokens,
    };
  }

  return {
    choose(request, tried) {
      const truths = servers.map((server, place) =>
        tried.has(place) ? undefined : truthOf(server, request)
      );
      const place = choosePerfectly(truths);
      if (place === undefined) return undefined;
      const { simulator } = servers[place]!;
      const tokens = sent.get(simulator) ?? [];
      tokens.push(request.prompt.length - truths[place]!.outlook.cachedTokens);
      sent.set(simulator, tokens);
      return place;
    },
  };
}
