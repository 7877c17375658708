import type { LiveServer } from "./live_fleet.ts";
import { choosePerfectly, type Prefill, prefillOf, type Truth } from "./perfect.ts";
import type { TimedRequest } from "./request.ts";

/** Chooses with perfect information for requests sent directly to the servers. */
export interface LivePerfect {
  /** Returns the index of a server, or `undefined` if none is available. */
  choose(request: TimedRequest, tried: ReadonlySet<number>): number | undefined;
}

/**
 * Reads the simulators' true state and adds requests sent but not yet received: a request is in
 * transit for a millisecond or two.
 *
 * @param timeScale fleet seconds per real second
 */
export function livePerfect(
  servers: readonly LiveServer[],
  answerTokens: number,
  timeScale: number,
): LivePerfect {
  /** The prefill of each request sent, by server, since its start or that of this chooser. */
  const sent = new Map<LiveServer["simulator"], Prefill[]>();
  const receivedBefore = new Map(
    servers.map(({ simulator }) => [simulator, simulator?.state().received ?? 0]),
  );

  function truthOf({ plan, simulator }: LiveServer, request: TimedRequest): Truth | undefined {
    if (simulator === undefined) return undefined;
    const outlook = simulator.inspect(request.blockHashes);
    const onTheWay = (sent.get(simulator) ?? []).slice(
      simulator.state().received - (receivedBefore.get(simulator) ?? 0),
    );
    return {
      plan,
      outlook: {
        ...outlook,
        waiting: outlook.waiting + onTheWay.length,
        pendingTokens: onTheWay.reduce((sum, { tokens }) => sum + tokens, outlook.pendingTokens),
        pendingAttendedTokens: onTheWay.reduce(
          (sum, { attended }) => sum + attended,
          outlook.pendingAttendedTokens,
        ),
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
      const prefills = sent.get(simulator) ?? [];
      prefills.push(prefillOf(truths[place]!));
      sent.set(simulator, prefills);
      return place;
    },
  };
}
