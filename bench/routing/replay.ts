import { createRandom } from "../../src/simulator/random.ts";
import { poisson, rescaled } from "./arrivals.ts";
import { type Draft, timed, type TimedRequest } from "./request.ts";
import type { Scenario, TraceSource } from "./scenarios.ts";
import { capacityOf, demandOf } from "./servers.ts";

/** What is replayed to every contender alike. */
export interface Replay {
  readonly requests: readonly TimedRequest[];
  /** Requests in a second of the fleet's time. */
  readonly perSecond: number;
  /** Mean tokens of an answer, as the servers generate it. */
  readonly answerTokens: number;
  /** Since the start, in milliseconds of the fleet's time; answers still under way come after. */
  readonly endMs: number;
}

export interface ReplayOptions {
  readonly seed: number;
  /** Of the fleet's time. */
  readonly seconds: number;
  /** The trace's own moments, or ones drawn at random. */
  readonly arrivals: "original" | "poisson";
  readonly trace?: TraceSource;
}

/** Requests that tell about how many there are to be. */
const SAMPLE = 400;

/** Draws a scenario's requests: at a rate that keeps its fleet as busy as it says. */
export function planReplay(scenario: Scenario, options: ReplayOptions): Replay {
  const { seed, seconds, arrivals, trace } = options;
  const source = scenario.drafts(seed, trace)[Symbol.iterator]();
  const rateFor = (requests: readonly TimedRequest[]) =>
    scenario.utilisation * capacityOf(scenario.servers, demandOf(requests));
  const sample = take(source, SAMPLE);
  const count = Math.round(seconds * rateFor(sample.map((draft) => timed(draft, 0))));
  const drafts = [...sample, ...take(source, count - sample.length)].slice(0, count);
  const asked = drafts.map((draft) => timed(draft, 0));
  // All of them tell better than the first ones, since some prompts are a hundred times as long.
  const perSecond = rateFor(asked);
  const moments = arrivals === "original"
    ? rescaled(drafts.map(({ originalMs = 0 }) => originalMs), perSecond)
    : poisson(perSecond, createRandom(seed + 1)).take(drafts.length).toArray();
  const requests = asked.map((request, index) => ({ ...request, atMs: moments[index]! }));
  const { answerTokens } = demandOf(requests);
  return { requests, perSecond, answerTokens, endMs: moments.at(-1) ?? 0 };
}

function take(source: Iterator<Draft>, count: number): Draft[] {
  const taken: Draft[] = [];
  while (taken.length < count) {
    const next = source.next();
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}
