import type { Outlook } from "../../src/simulator/outlook.ts";
import { STEP_TOKEN_BUDGET } from "../../src/simulator/scheduler.ts";
import type { Chooser, Surroundings } from "./chooser.ts";
import { engineOptions, type ServerPlan } from "./servers.ts";

/** A server as it truly is, for one prompt. */
export interface Truth {
  readonly plan: ServerPlan;
  readonly outlook: Outlook;
  readonly promptTokens: number;
  /** Mean tokens of an answer. */
  readonly answerTokens: number;
}

/** What a choice costs, in milliseconds of the fleet's time; the lowest is to be taken. */
export type Cost = (truth: Truth) => number;

/** Milliseconds until the first token, if nobody came after. */
export function untilFirstToken(truth: Truth): number {
  const { outlook: { stepLeftMs, pendingTokens, slowdown }, plan } = truth;
  const { prefillTokensPerSecond, speed } = engineOptions(plan);
  const tokens = pendingTokens + ownTokens(truth);
  const steps = Math.ceil(tokens / STEP_TOKEN_BUDGET);
  const prefillMs = tokens / prefillTokensPerSecond * 1000;
  const busyMs = (prefillMs + steps * decodeStepMs(truth)) * slowdown / speed;
  return stepLeftMs + Math.max(busyMs, seatMs(truth));
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
  const { outlook: { running, waiting, slowdown }, plan: { seats, speed }, answerTokens } = truth;
  const leaving = running + waiting + 1 - seats;
  if (leaving <= 0) return 0;
  return leaving * answerTokens / seats * decodeStepMs(truth) * slowdown / speed;
}

/** Share of its seats that would be taken. */
export function crowding({ outlook: { running, waiting }, plan: { seats } }: Truth): number {
  return (running + waiting + 1) / seats;
}

/** What a server with all seats taken costs beside its wait: it slows whoever comes next. */
const CROWDING_MS = 100;

/**
 * The baseline. Beside the wait alone, the square of crowding took 2 to 4% off the mean and 3 to
 * 12% off the p99 in `seats`, `half-speed` and `agents` over eight seeds, and nothing elsewhere.
 * Weights from 50 to 500 and other powers differ by noise or help one scenario at another's cost; a
 * price for the prefill that others wait for costs up to 25% in `agents`.
 */
export const perfectCost: Cost = (truth) =>
  untilFirstToken(truth) + CROWDING_MS * crowding(truth) ** 2;

/** The place of the server with the lowest cost; `undefined` where none can be had. */
export function choosePerfectly(
  truths: readonly (Truth | undefined)[],
  cost: Cost = perfectCost,
): number | undefined {
  let chosen: number | undefined;
  let least = Infinity;
  for (const [place, truth] of truths.entries()) {
    if (truth === undefined) continue;
    const costs = cost(truth);
    if (costs >= least) continue;
    least = costs;
    chosen = place;
  }
  return chosen;
}

/** Chooses in virtual time, knowing all there is to know. */
export function perfectChooser({ servers, answerTokens }: Surroundings, cost?: Cost): Chooser {
  return {
    choose({ prompt, blockHashes }, tried) {
      const server = choosePerfectly(
        servers.map(({ plan, engine }, place) => {
          if (engine === undefined || tried.has(place)) return undefined;
          const outlook = engine.inspect(blockHashes);
          return { plan, outlook, promptTokens: prompt.length, answerTokens };
        }),
        cost,
      );
      return server === undefined ? undefined : { server, firstToken() {}, end() {} };
    },
  };
}
