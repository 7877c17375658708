import { z } from "zod";
import { GROWTHS } from "./attention.ts";
import { FEW } from "./latency_model.ts";
import { paceShape, within } from "./saved_paces.ts";
import { MOST_SAMPLES } from "./moving_averages.ts";
import { LEAST, MOST, USUAL_RATIO } from "./token_ratio.ts";

/** Prompt blocks in a saved state, over all servers: about a megabyte. */
export const MOST_SAVED_BLOCKS = 200_000;
/** Sessions in a saved state, over all servers. */
export const MOST_SAVED_SESSIONS = 10_000;
/** Models in a saved state. */
export const MOST_SAVED_MODELS = 1_000;
/** Servers in a saved state. */
export const MOST_SAVED_SERVERS = 10_000;
/** Strings of packed blocks in a saved state of one server. */
const MOST_PIECES = 1_000;
/** Characters of the name of a model or the address of a server. */
export const LONGEST_NAME = 2_000;
/** Means of tokens and of milliseconds, over requests. */
export const MOST_MEAN = { tokens: 1_000_000, ms: 3_600_000 };

const name = z.string().max(LONGEST_NAME);
/** A list whose length is checked before its items are looked at. */
const list = <Item extends z.ZodType>(item: Item, most: number) =>
  z.array(z.unknown()).max(most).pipe(z.array(item));
const counter = within(0, Number.MAX_SAFE_INTEGER).optional();
const average = (mostMean: number) =>
  z.object({ samples: within(0, MOST_SAMPLES), mean: within(0, mostMean) });

/** Tokens per byte, and the bytes that it weighs like. */
const ratio = { tokensPerByte: within(LEAST, MOST), bytes: within(1, USUAL_RATIO.bytes) };

/** What is saved of one server. */
const serverShape = z.object({
  /** Its address. */
  url: name,
  pace: paceShape,
  /** Observations of its prefill. */
  learned: within(0, FEW),
  /** Expected share of a predicted hit that comes true. */
  trust: within(0, 1),
  /** Tokens of a block of its KV cache. */
  blockTokens: within(1, 1_000_000),
  /** Its own counters; without them nothing would show that it has restarted. */
  counters: z.object({
    prompt: counter,
    computed: counter,
    prefixQueries: counter,
    prefixHits: counter,
  }).optional(),
  /** Packed hashes of its sessions, the most recently used first. */
  sessions: z.string(),
  /** Packed hashes of the prompt blocks that it has, the most recently used first. */
  blocks: list(z.string(), MOST_PIECES),
});

/** What is saved of an estimator. Hashes and numbers, and the names of models and servers. */
export const estimatesShape = z.object({
  /** How blocks and sessions are hashed: those hashed in another way are not restored. */
  hashing: z.number(),
  /** The pace of all servers together. */
  pace: paceShape,
  /** Place of the growth in use. */
  place: z.int().min(0).max(GROWTHS.length - 1),
  /** Observations of prefill, over all servers. */
  learned: within(0, FEW),
  averages: z.object({
    ownTokens: average(MOST_MEAN.tokens),
    answerTokens: average(MOST_MEAN.tokens),
    waitMs: average(MOST_MEAN.ms),
    totalMs: average(MOST_MEAN.ms),
  }),
  /** Tokens per byte of all prompts. */
  ratio: z.object(ratio),
  /** Tokens per byte by model, the least recently updated first; `null`: without a model. */
  models: list(
    z.object({ model: name.nullable(), ...ratio }),
    MOST_SAVED_MODELS,
  ),
  servers: list(serverShape, MOST_SAVED_SERVERS),
});

export type SavedEstimates = z.output<typeof estimatesShape>;
/** What is saved of one server. */
export type SavedServer = SavedEstimates["servers"][number];
