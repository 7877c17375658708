import type { EngineOptions } from "../../src/simulator/engine/engine_options.ts";
import { BLOCK_SIZE } from "../../src/simulator/engine/kv_cache.ts";
import { attendedTokens as attendedBy } from "../../src/simulator/engine/sequence.ts";
import { ANSWER_SCALE, type TimedRequest } from "./request.ts";

/** A simulated server of the fleet. */
export interface ServerPlan {
  /** Maximum concurrent requests; known to the contenders. */
  readonly seats: number;
  /** Multiplies its speed; not known to the contenders. */
  readonly speed: number;
  /** Its prefill. @default 8,000 tokens per second, whatever comes before them */
  readonly prefill?: Pick<EngineOptions, "prefillTokensPerSecond" | "prefillDoublesAt">;
  /** Size of its KV cache in blocks of 16 tokens, per seat. @default BLOCKS_PER_SEAT */
  readonly blocksPerSeat?: number;
}

/** Size of a server's KV cache per seat, unless its plan has another. */
export const BLOCKS_PER_SEAT = 4096;

/** Returns the simulator's options for a server whose time runs `timeScale` times as fast. */
export function engineOptions(plan: ServerPlan, timeScale = 1): EngineOptions {
  const { seats, speed, prefill, blocksPerSeat = BLOCKS_PER_SEAT } = plan;
  return {
    maxNumSeqs: seats,
    kvBlocks: blocksPerSeat * seats,
    prefillTokensPerSecond: 8000,
    ...prefill,
    interTokenMs: 20 * ANSWER_SCALE,
    interTokenGrowth: 0.03,
    speed: speed * timeScale,
  };
}

/**
 * Returns the milliseconds in which a server of speed 1 computes prompt tokens.
 *
 * @param attended sum, over the tokens, of the tokens before each
 */
export function prefillMs(plan: ServerPlan, tokens: number, attended: number): number {
  const { prefillTokensPerSecond, prefillDoublesAt = Infinity } = engineOptions(plan);
  return (tokens + attended / prefillDoublesAt) / prefillTokensPerSecond * 1000;
}

/** Average demand of a workload per request. */
export interface Demand {
  /** Prompt tokens not seen before, which no cache can hold for any distribution of requests. */
  readonly newTokens: number;
  /** Sum, over those, of the tokens before each, which it attends to. */
  readonly attendedTokens: number;
  readonly answerTokens: number;
}

export function demandOf(requests: readonly TimedRequest[]): Demand {
  const seen = new Set<number>();
  let newTokens = 0;
  let attendedTokens = 0;
  let answerTokens = 0;
  for (const { prompt, blockHashes, answerTokens: length } of requests) {
    let known = 0;
    while (known < blockHashes.length && seen.has(blockHashes[known]!)) known++;
    for (const hash of blockHashes) seen.add(hash);
    const fresh = prompt.length - BLOCK_SIZE * known;
    newTokens += fresh;
    attendedTokens += attendedBy(fresh, BLOCK_SIZE * known);
    answerTokens += length;
  }
  const count = requests.length;
  return {
    newTokens: newTokens / count,
    attendedTokens: attendedTokens / count,
    answerTokens: answerTokens / count,
  };
}

/** Returns the requests per second of a fleet with every seat taken and every prefix cached. */
export function capacityOf(servers: readonly ServerPlan[], demand: Demand): number {
  return servers.reduce((sum, server) => {
    const { interTokenMs, interTokenGrowth, speed } = engineOptions(server);
    const stepSeconds = interTokenMs / 1000 * (1 + interTokenGrowth * (server.seats - 1));
    const seconds = prefillMs(server, demand.newTokens, demand.attendedTokens) / 1000 +
      demand.answerTokens * stepSeconds / server.seats;
    return sum + speed / seconds;
  }, 0);
}
