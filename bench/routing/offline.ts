import type { Outcome } from "../../src/fleet/outcome.ts";
import { createRandom } from "../../src/simulator/random.ts";
import type { Sequence } from "../../src/simulator/engine/sequence.ts";
import type { Chooser, Surroundings } from "./chooser.ts";
import { linkPeers } from "./peer_links.ts";
import type { Replay } from "./replay.ts";
import { answerTo, type TimedRequest } from "./request.ts";
import { type Outcomes, type Sample, sampleOf } from "./sample.ts";
import type { Scenario } from "./scenarios.ts";
import { VirtualClock } from "./virtual_clock.ts";
import { startVirtualFleet } from "./virtual_fleet.ts";

/** How late a router's words reach its peers: at most 2 ms apart, and the time on their way. */
const PEER_DELAY_MS = 3;
/** Maximum retries on other servers for a request that failed before its first token. */
const MAX_RETRIES = 3;

/**
 * Replays a scenario in virtual time, without sockets or waiting. The same seed gives the same
 * figures. Choosing and forwarding take no time, so only the choices are compared.
 */
export function replayOffline(
  scenario: Scenario,
  replay: Replay,
  create: (surroundings: Surroundings) => Chooser,
  seed: number,
): Outcomes {
  const clock = new VirtualClock();
  const random = createRandom(seed + 2);
  const fleet = startVirtualFleet(scenario, clock, replay.endMs);
  const surroundings: Surroundings = {
    clock,
    servers: fleet.servers,
    metrics: !scenario.metricsMissing,
    random,
    answerTokens: replay.answerTokens,
    peers: scenario.peersTalk ? linkPeers(clock, PEER_DELAY_MS) : undefined,
  };
  const choosers = Array.from({ length: scenario.routers }, () => create(surroundings));
  const samples: Sample[] = [];
  let failed = 0;

  function send(request: TimedRequest, index: number): void {
    const chooser = choosers[index % choosers.length]!;
    attempt(chooser, request, new Set());
    const next = replay.requests[index + 1];
    if (next) clock.schedule(next.atMs, () => send(next, index + 1));
  }

  function attempt(chooser: Chooser, request: TimedRequest, tried: Set<number>): void {
    const choice = tried.size > MAX_RETRIES ? undefined : chooser.choose(request, tried);
    if (choice === undefined) {
      failed++;
      return;
    }
    tried.add(choice.server);
    const { engine } = fleet.servers[choice.server]!;
    let firstAtMs: number | undefined;
    const giveUp = (outcome: Outcome) => {
      choice.end(outcome);
      if (firstAtMs === undefined) attempt(chooser, request, tried);
      else failed++;
    };
    if (engine === undefined) return giveUp("refused");
    const sequence: Sequence = engine.add({
      ...answerTo(request.prompt, request.answerTokens),
      onToken() {
        if (sequence.generated.length !== 1) return;
        firstAtMs = clock.now();
        choice.firstToken();
      },
      onFinish(reason) {
        if (reason === "abort") return giveUp(firstAtMs === undefined ? "reset" : "truncated");
        const totalMs = clock.now() - request.atMs;
        samples.push(sampleOf(firstAtMs! - request.atMs, totalMs, request.answerTokens));
        choice.end("ok", {
          prompt: request.prompt.length,
          cached: sequence.cachedTokens ?? 0,
          generated: request.answerTokens,
        });
      },
    });
  }

  const [first] = replay.requests;
  if (first) clock.schedule(first.atMs, () => send(first, 0));
  clock.runWhile(() => samples.length + failed < replay.requests.length);
  const { queries, hits } = fleet.prefixTokens();
  return { samples, failed, hitRate: queries === 0 ? 0 : hits / queries };
}
