import { clamp } from "../../util/clamp.ts";
import type { Server } from "../state/server.ts";
import { FEW } from "./latency_model.ts";
import type { Memory } from "./memory.ts";
import { MOST_SAMPLES, type MovingAverages } from "./moving_averages.ts";
import { packed } from "./packed.ts";
import { HASHING } from "./prompt_profile.ts";
import { savedFleetPace, savedPace } from "./saved_paces.ts";
import {
  LONGEST_NAME,
  MOST_MEAN,
  MOST_SAVED_BLOCKS,
  MOST_SAVED_MODELS,
  MOST_SAVED_SERVERS,
  MOST_SAVED_SESSIONS,
  type SavedEstimates,
  type SavedServer,
} from "./saved_estimates.ts";
import {
  LEAST,
  MOST,
  type TokenRatio,
  type TokenRatios,
  tokensPerByte,
  USUAL_RATIO,
} from "./token_ratio.ts";

/** Blocks or sessions between two pieces of text: a fraction of a millisecond. */
const AT_ONCE = 1_024;

/**
 * Goes through what is known of these servers as pieces of one JSON text, which
 * `estimatesShape` describes. No piece takes long to make, and requests may go on between two. If
 * there are too many blocks, each server's most recently used ones are saved, in proportion.
 */
export function* saveEstimates(
  { cached, ratios, paces, averages, estimateOf, absent }: Memory,
  servers: readonly Readonly<Server>[],
  keepsAbsent: boolean,
): Generator<string> {
  const { all, place, learned } = paces.known();
  const known: Omit<SavedEstimates, "servers"> = {
    hashing: HASHING,
    pace: savedFleetPace(all),
    place,
    learned: Math.min(FEW, learned),
    averages: savedAverages(averages),
    ratio: savedRatio(ratios.all()),
    models: savedModels(ratios),
  };
  yield `${JSON.stringify(known).slice(0, -1)},"servers":[`;
  const bySlot = yield* bySlotOf(cached.sessions());
  const named = servers.filter(({ config }) => config.url.length <= LONGEST_NAME)
    .slice(0, MOST_SAVED_SERVERS);
  const slots = named.map((server) => estimateOf(server).slot);
  const total = slots.reduce((sum, slot) => sum + cached.size(slot), 0);
  const share = Math.min(1, MOST_SAVED_BLOCKS / total);
  let separator = "\n";
  for (const server of named) {
    const { slot, seen, calibration, blockTokens, counters, learned } = estimateOf(server);
    const saved: Omit<SavedServer, "blocks"> = {
      url: server.config.url,
      pace: savedPace(seen, all),
      learned: Math.min(FEW, learned),
      trust: clamp(calibration.share, 0, 1),
      blockTokens,
      counters: counters && {
        prompt: savedCount(counters.prompt),
        computed: savedCount(counters.computed),
        prefixQueries: savedCount(counters.prefixQueries),
        prefixHits: savedCount(counters.prefixHits),
      },
      sessions: packed(bySlot.get(slot) ?? []),
    };
    yield `${separator}${JSON.stringify(saved).slice(0, -1)},"blocks":[`;
    separator = ",\n";
    yield* packedBlocks(cached.blocks(slot), Math.floor(share * cached.size(slot)));
    yield "]}";
  }
  const others = keepsAbsent ? [...absent.values()] : [];
  for (const { saved } of others.slice(0, MOST_SAVED_SERVERS - named.length)) {
    yield separator + JSON.stringify(saved);
    separator = ",\n";
  }
  yield "]}";
}

/** Goes through the first blocks as a list of JSON strings. */
function* packedBlocks(blocks: Iterable<number>, most: number): Generator<string> {
  let piece: number[] = [];
  let left = most;
  let separator = "";
  for (const block of blocks) {
    if (left-- <= 0) break;
    if (piece.push(block) < AT_ONCE) continue;
    yield `${separator}"${packed(piece)}"`;
    separator = ",";
    piece = [];
  }
  if (piece.length > 0) yield `${separator}"${packed(piece)}"`;
}

/** Groups the first sessions by their servers. */
function* bySlotOf(
  sessions: Iterable<readonly [session: number, slot: number]>,
): Generator<string, ReadonlyMap<number, readonly number[]>> {
  const bySlot = new Map<number, number[]>();
  let count = 0;
  for (const [session, slot] of sessions) {
    if (++count > MOST_SAVED_SESSIONS) break;
    const others = bySlot.get(slot);
    if (others) others.push(session);
    else bySlot.set(slot, [session]);
    if (count % AT_ONCE === 0) yield "";
  }
  return bySlot;
}

function savedAverages({ counts, ...means }: MovingAverages): SavedEstimates["averages"] {
  const average = (of: keyof typeof means, most: number) => ({
    samples: Math.min(MOST_SAMPLES, counts[of]),
    mean: clamp(means[of], 0, most),
  });
  return {
    ownTokens: average("ownTokens", MOST_MEAN.tokens),
    answerTokens: average("answerTokens", MOST_MEAN.tokens),
    waitMs: average("waitMs", MOST_MEAN.ms),
    totalMs: average("totalMs", MOST_MEAN.ms),
  };
}

function savedModels(ratios: TokenRatios): SavedEstimates["models"] {
  return [...ratios.byModel()].slice(-MOST_SAVED_MODELS)
    .map(([model, ratio]) => ({ model: model ?? null, ...savedRatio(ratio) }))
    .filter(({ model }) => model === null || model.length <= LONGEST_NAME);
}

function savedRatio(ratio: TokenRatio): SavedEstimates["ratio"] {
  return {
    tokensPerByte: clamp(tokensPerByte(ratio), LEAST, MOST),
    bytes: clamp(ratio.bytes, 1, USUAL_RATIO.bytes),
  };
}

function savedCount(counter: number | undefined): number | undefined {
  return counter === undefined ? undefined : clamp(counter, 0, Number.MAX_SAFE_INTEGER);
}
