import type { Outlook } from "../../src/simulator/engine/outlook.ts";
import { attendedTokens } from "../../src/simulator/engine/sequence.ts";
import { STEP_TOKEN_BUDGET } from "../../src/simulator/engine/scheduler.ts";
import type { Chooser, Surroundings } from "./chooser.ts";
import { engineOptions, prefillMs, type ServerPlan } from "./servers.ts";

/** The true state of a server for one prompt. */
export interface Truth {
  readonly plan: ServerPlan;
  readonly outlook: Outlook;
  readonly promptTokens: number;
  /** Mean number of tokens per answer. */
  readonly answerTokens: number;
}

/** Prompt tokens to compute. */
export interface Prefill {
  readonly tokens: number;
  /** Sum, over those, of the tokens before each, which it attends to. */
  readonly attended: number;
}

/** Cost of a choice in milliseconds of fleet time; the lowest wins. */
export type Cost = (truth: Truth) => number;

/** Returns the milliseconds until the first token if no further requests arrive. */
export function untilFirstToken(truth: Truth): number {
  const { outlook, plan } = truth;
  const { stepLeftMs, pendingTokens, pendingAttendedTokens, slowdown } = outlook;
  const own = prefillOf(truth);
  const tokens = pendingTokens + own.tokens;
  const attended = pendingAttendedTokens + own.attended;
  const steps = Math.ceil(tokens / STEP_TOKEN_BUDGET);
  const computedMs = prefillMs(plan, tokens, attended) + steps * decodeStepMs(truth);
  const busyMs = computedMs * slowdown / plan.speed;
  return stepLeftMs + Math.max(busyMs, seatMs(truth));
}

/** Returns the work that the prompt adds. */
export function prefillOf({ promptTokens, outlook: { cachedTokens } }: Truth): Prefill {
  const tokens = Math.max(1, promptTokens - cachedTokens);
  return { tokens, attended: attendedTokens(tokens, promptTokens - tokens) };
}

function decodeStepMs({ plan, outlook: { running } }: Truth): number {
  const { interTokenMs, interTokenGrowth } = engineOptions(plan);
  return interTokenMs * (1 + interTokenGrowth * Math.min(running, plan.seats - 1));
}

/** Estimates the time until a seat is free from the mean answer length; real ends are unknown. */
function seatMs(truth: Truth): number {
  const { outlook: { running, waiting, slowdown }, plan: { seats, speed }, answerTokens } = truth;
  const leaving = running + waiting + 1 - seats;
  if (leaving <= 0) return 0;
  return leaving * answerTokens / seats * decodeStepMs(truth) * slowdown / speed;
}

/** Returns the share of seats that would be taken. */
export function crowding({ outlook: { running, waiting }, plan: { seats } }: Truth): number {
  return (running + waiting + 1) / seats;
}

/** Cost of a server with all seats taken besides the wait: it slows later requests. */
const CROWDING_MS = 100;

/**
 * The baseline. Compared with the wait alone, adding the square of crowding reduced the mean by 2
 * to 4% and the p99 by 3 to 12% in `seats`, `half-speed` and `agents` over eight seeds, and changed
 * nothing elsewhere. Weights from 50 to 500 and other powers differ by noise or help one scenario
 * at another's cost. A cost for the prefill that others wait for worsens `agents` by up to 25%.
 */
export const perfectCost: Cost = (truth) =>
  untilFirstToken(truth) + CROWDING_MS * crowding(truth) ** 2;

/** Returns the index of the server with the lowest cost, or `undefined` if none is available. */
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

/** Chooses in virtual time with perfect information. */
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
