import { STEP_TOKEN_BUDGET } from "../../src/simulator/scheduler.ts";
import type { Chooser, Surroundings } from "./chooser.ts";
import type { Outlook } from "../../src/simulator/outlook.ts";
import { engineOptions, type ServerPlan } from "./servers.ts";

/** A server as it truly is, for one prompt. */
export interface Truth {
  readonly plan: ServerPlan;
  readonly outlook: Outlook;
  /** How many times as long as usual its steps take now. */
  readonly slowdown: number;
  readonly promptTokens: number;
  /** Mean tokens of an answer. */
  readonly answerTokens: number;
}

/** What a choice costs, in milliseconds of the fleet's time; the lowest is to be taken. */
export type Cost = (truth: Truth) => number;

/** Milliseconds until the first token, if nobody came after. */
export function untilFirstToken(truth: Truth): number {
  const { outlook: { stepLeftMs, pendingTokens }, plan, slowdown } = truth;
  const { prefillTokensPerSecond, speed } = engineOptions(plan);
  const tokens = pendingTokens + ownTokens(truth);
  const steps = Math.ceil(tokens / STEP_TOKEN_BUDGET);
  const prefillMs = tokens / prefillTokensPerSecond * 1000;
  const busyMs = (prefillMs + steps * decodeStepMs(truth)) * slowdown / speed;
  return stepLeftMs + Math.max(busyMs, seatMs(truth));
}

/** Milliseconds of prefill that only this prompt causes: everybody who comes next waits for it. */
export function ownPrefillMs(truth: Truth): number {
  const { plan, slowdown } = truth;
  const { prefillTokensPerSecond, speed } = engineOptions(plan);
  return ownTokens(truth) / prefillTokensPerSecond * 1000 * slowdown / speed;
}

function ownTokens({ promptTokens, outlook }: Truth): number {
  return Math.max(1, promptTokens - outlook.cachedTokens);
}

function decodeStepMs({ plan, outlook: { running } }: Truth): number {
  const { interTokenMs, interTokenGrowth } = engineOptions(plan);
  return interTokenMs * (1 + interTokenGrowth * Math.min(running, plan.seats - 1));
}

/** Until a seat is free, by how long answers take on average: nobody knows when one ends. */
function seatMs(truth: Truth): number {
  const { outlook: { running, waiting }, plan: { seats, speed }, slowdown, answerTokens } = truth;
  const leaving = running + waiting + 1 - seats;
  if (leaving <= 0) return 0;
  return leaving * answerTokens / seats * decodeStepMs(truth) * slowdown / speed;
}

/** Share of its seats that would be taken. */
export function crowding({ outlook: { running, waiting }, plan: { seats } }: Truth): number {
  return (running + waiting + 1) / seats;
}

/** The baseline: of several costs that were compared, none did better over all scenarios. */
export const perfectCost: Cost = untilFirstToken;

/** Chooses the server of the lowest cost, knowing all there is to know at this moment. */
export function perfectChooser(
  { servers, answerTokens }: Surroundings,
  cost = perfectCost,
): Chooser {
  return {
    choose({ prompt, blockHashes }, tried) {
      let server: number | undefined;
      let least = Infinity;
      for (const [place, { plan, engine }] of servers.entries()) {
        if (engine === undefined || tried.has(place)) continue;
        const outlook = engine.inspect(blockHashes);
        const { slowdown } = engine;
        const truth = { plan, outlook, slowdown, promptTokens: prompt.length, answerTokens };
        const costs = cost(truth);
        if (costs >= least) continue;
        least = costs;
        server = place;
      }
      return server === undefined ? undefined : { server, firstToken() {}, end() {} };
    },
  };
}
