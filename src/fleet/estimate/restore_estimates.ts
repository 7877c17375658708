import { diagnosticsIn } from "../../config/zod_errors.ts";
import type { Server } from "../state/server.ts";
import { USUAL_CACHE_TOKENS } from "./cached_prompts.ts";
import { UNCALIBRATED } from "./hit_calibration.ts";
import type { AbsentServer, Memory } from "./memory.ts";
import type { MovingAverages } from "./moving_averages.ts";
import { packed, unpacked } from "./packed.ts";
import { BLOCK_BYTES, HASHING } from "./prompt_profile.ts";
import { restoredPace } from "./saved_paces.ts";
import {
  estimatesShape,
  MOST_SAVED_BLOCKS,
  MOST_SAVED_SESSIONS,
  type SavedEstimates,
  type SavedServer,
} from "./saved_estimates.ts";
import { type TokenRatio, tokensPerByte } from "./token_ratio.ts";

/** How much may still be restored, so that no file can fill the memory. */
interface Room {
  blocks: number;
  sessions: number;
}

/**
 * Takes over what was saved of these servers. Anything may be passed: all of it is checked before any
 * of it is used.
 *
 * @param now monotonic time in milliseconds
 * @returns what is wrong with it, if anything; then nothing was taken over
 */
export function restoreEstimates(
  memory: Memory,
  servers: readonly Readonly<Server>[],
  saved: unknown,
  now: number,
): string | undefined {
  const { success, data, error } = estimatesShape.safeParse(saved);
  if (!success) {
    const [{ where, what }] = diagnosticsIn(error, "") as [{ where: string; what: string }];
    return `${where}: ${what}`;
  }
  const { ratios, paces, averages } = memory;
  paces.restore({
    all: restoredPace(data.pace, now),
    place: data.place,
    learned: data.learned,
  });
  restoreAverages(averages, data.averages);
  ratios.restore(
    data.models.map((saved) => [saved.model ?? undefined, restoredRatio(saved)]),
    restoredRatio(data.ratio),
  );
  const byUrl = new Map(servers.map((server) => [server.config.url, server]));
  const room: Room = { blocks: MOST_SAVED_BLOCKS, sessions: MOST_SAVED_SESSIONS };
  const done = new Set<string>();
  for (const entry of data.servers) {
    if (done.has(entry.url)) continue;
    done.add(entry.url);
    const absent = absentServer(memory, entry, data.hashing === HASHING, room, now);
    const server = byUrl.get(entry.url);
    if (server) absent.restore(server);
    else memory.absent.set(entry.url, absent);
  }
  return undefined;
}

/** Takes as much of the saved state of a server as there is room for. */
function absentServer(
  { cached, ratios, estimateOf }: Memory,
  saved: SavedServer,
  isHashedAlike: boolean,
  room: Room,
  now: number,
): AbsentServer {
  const { pace, learned, trust, blockTokens, counters } = saved;
  // Without one of these counters, nothing would show that it has restarted since.
  const hasCounter = counters?.prompt !== undefined || counters?.prefixQueries !== undefined;
  const isCacheKnown = hasCounter && isHashedAlike;
  const lists = (isCacheKnown ? saved.blocks : []).map((text) => {
    const blocks = unpacked(text, room.blocks) ?? [];
    room.blocks -= blocks.length;
    return blocks;
  });
  const sessions = (isCacheKnown && unpacked(saved.sessions, room.sessions)) || [];
  room.sessions -= sessions.length;
  const seen = restoredPace(pace, now);
  const restore = (server: Readonly<Server>) => {
    const estimate = estimateOf(server);
    estimate.seen = seen;
    estimate.learned = learned;
    estimate.calibration = { ...UNCALIBRATED, share: trust };
    estimate.blockTokens = blockTokens;
    if (!isCacheKnown) return;
    const { prompt, computed, prefixQueries, prefixHits } = counters;
    estimate.counters = { prompt, computed, generation: undefined, prefixQueries, prefixHits };
    // Until its first scrape tells how large its cache is.
    const count = lists.reduce((sum, { length }) => sum + length, 0);
    const perByte = tokensPerByte(ratios.all());
    const cacheTokens = Math.max(USUAL_CACHE_TOKENS, count * BLOCK_BYTES * perByte);
    cached.limit(estimate.slot, perByte, cacheTokens);
    cached.restore(estimate.slot, lists, sessions);
  };
  return { restore, saved: { ...saved, blocks: lists.map(packed), sessions: packed(sessions) } };
}

function restoredRatio({ tokensPerByte, bytes }: SavedEstimates["ratio"]): TokenRatio {
  return { bytes, tokens: bytes * tokensPerByte };
}

function restoreAverages(averages: MovingAverages, saved: SavedEstimates["averages"]): void {
  for (const name of ["ownTokens", "answerTokens", "waitMs", "totalMs"] as const) {
    averages.counts[name] = saved[name].samples;
    averages[name] = saved[name].mean;
  }
  // The share of time that requests wait is a quotient of these.
  averages.totalMs = Math.max(1, averages.waitMs, averages.totalMs);
}
