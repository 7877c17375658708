import type { EngineOptions } from "../../src/simulator/engine/engine_options.ts";
import { BLOCK_SIZE } from "../../src/simulator/engine/kv_cache.ts";
import { ANSWER_SCALE, type TimedRequest } from "./request.ts";

/** A simulated server of the fleet. */
export interface ServerPlan {
  /** Maximum concurrent requests; known to the contenders. */
  readonly seats: number;
  /** Multiplies its speed; not known to the contenders. */
  readonly speed: number;
}

/** KV-cache blocks of 16 tokens per seat. */
const BLOCKS_PER_SEAT = 4096;

/** Returns the simulator's options for a server whose time runs `timeScale` times as fast. */
export function engineOptions({ seats, speed }: ServerPlan, timeScale = 1): EngineOptions {
  return {
    maxNumSeqs: seats,
    kvBlocks: BLOCKS_PER_SEAT * seats,
    prefillTokensPerSecond: 8000,
    interTokenMs: 20 * ANSWER_SCALE,
    interTokenGrowth: 0.03,
    speed: speed * timeScale,
  };
}

/** Average demand of a workload per request. */
export interface Demand {
  /** Prompt tokens not seen before, which no cache can hold for any distribution of requests. */
  readonly newTokens: number;
  readonly answerTokens: number;
}

export function demandOf(requests: readonly TimedRequest[]): Demand {
  const seen = new Set<number>();
  let newTokens = 0;
  let answerTokens = 0;
  for (const { prompt, blockHashes, answerTokens: length } of requests) {
    let known = 0;
    while (known < blockHashes.length && seen.has(blockHashes[known]!)) known++;
    for (const hash of blockHashes) seen.add(hash);
    newTokens += prompt.length - BLOCK_SIZE * known;
    answerTokens += length;
  }
  return { newTokens: newTokens / requests.length, answerTokens: answerTokens / requests.length };
}

/** Returns the requests per second of a fleet with every seat taken and every prefix cached. */
export function capacityOf(servers: readonly ServerPlan[], demand: Demand): number {
  return servers.reduce((sum, server) => {
    const { prefillTokensPerSecond, interTokenMs, interTokenGrowth, speed } = engineOptions(server);
    const stepSeconds = interTokenMs / 1000 * (1 + interTokenGrowth * (server.seats - 1));
    const seconds = demand.newTokens / prefillTokensPerSecond +
      demand.answerTokens * stepSeconds / server.seats;
    return sum + speed / seconds;
  }, 0);
}
