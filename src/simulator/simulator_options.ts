import type { EngineOptions } from "./engine/engine_options.ts";
import type { Fault } from "./faults/fault.ts";
import { BLOCK_SIZE } from "./engine/kv_cache.ts";
import { STEP_TOKEN_BUDGET } from "./engine/scheduler.ts";

/** Options of a simulated server. */
export interface SimulatorOptions {
  /** Listen address. @default "127.0.0.1" */
  hostname?: string;
  /** Listen port; 0 picks a free one. @default 0 */
  port?: number;
  /** Served model names; the first is the default. @default ["simulated-model"] */
  models?: readonly string[];
  /** Maximum number of sequences in a batch. @default 8 */
  maxNumSeqs?: number;
  /**
   * Maximum length of prompt plus answer, in tokens, capped at the size of the KV cache.
   *
   * @default 131072
   */
  maxModelLen?: number;
  /** Size of the KV cache, in blocks. @default 8192 */
  kvBlocks?: number;
  /** Tokens of a block of the KV cache, as with --block-size. @default 16 */
  blockSize?: number;
  /**
   * Prompt tokens computed per second at the beginning of a prompt, excluding cached tokens.
   *
   * @default 8000
   */
  prefillTokensPerSecond?: number;
  /**
   * Position at which a prompt token takes twice as long as the first, since it attends to all
   * tokens before it.
   *
   * @default Infinity: all take the same time
   */
  prefillDoublesAt?: number;
  /** Duration of a decode step with one sequence, in milliseconds. @default 20 */
  interTokenMs?: number;
  /** Fraction by which each additional sequence in the batch lengthens a step. @default 0.03 */
  interTokenGrowth?: number;
  /** Multiplies the speed of everything. @default 1 */
  speed?: number;
  /** Token budget of a step, as with --max-num-batched-tokens. @default 2048 */
  maxNumBatchedTokens?: number;
  /** Updates /metrics only at the end of an engine step, as vLLM does. @default false */
  metricsAtStepEnd?: boolean;
  /**
   * Maximum number of waiting requests, as with --max-num-queued-reqs. A request beyond it gets
   * 503; a stream gets its head and then the endpoint's error ending.
   *
   * @default unbounded
   */
  maxQueued?: number;
  /**
   * Seconds of silence in a stream after which a comment is sent, as with
   * --sse-keep-alive-interval.
   *
   * @default no comments
   */
  sseKeepAliveSeconds?: number;
  /** Requests that contain `marker` get a 500 or a reset. @default none */
  poison?: { readonly marker: string; readonly answer: "error" | "reset" };
  /** Required on /v1, /v2, /inference and /cohere, as with --api-key. @default none */
  apiKey?: string;
  /** Determines texts, lengths and which requests a fault hits. @default 1 */
  seed?: number;
  /** The version of vLLM, on which it depends what a request can ask for. @default "0.32.0" */
  version?: string;
  /** Serves the /render paths and /inference/v1/generate, as with --enable-scale-out. @default true */
  scaleOut?: boolean;
  /** Chat answers begin with reasoning, as with --reasoning-parser. @default false */
  reasoning?: boolean;
  /** Keeps responses, as with VLLM_ENABLE_RESPONSES_API_STORE: the newest 1000. @default true */
  responsesStore?: boolean;
  /** The initial fault. @default none */
  fault?: Fault;
  /**
   * Called when an inference request ends, with its `x-request-id`, if any.
   *
   * @default none
   */
  onEnded?: (id: string | undefined, how: Ending) => void;
}

/** How a request ended. A refused request counts as none of the other three. */
export type Ending = "finished" | "aborted" | "failed" | "refused";

/** Options without a default value. */
type Unset = "apiKey" | "fault" | "onEnded" | "poison" | "sseKeepAliveSeconds";

/** The options with all defaults filled in. */
export type SimulatorSettings =
  & EngineOptions
  & Readonly<Required<Omit<SimulatorOptions, Unset>>>
  & Readonly<Pick<SimulatorOptions, Unset>>;

/** Fills in the defaults. */
export function settingsFrom(options: SimulatorOptions): SimulatorSettings {
  const { maxModelLen = 131_072, kvBlocks = 8192, blockSize = BLOCK_SIZE } = options;
  return {
    hostname: "127.0.0.1",
    port: 0,
    models: ["simulated-model"],
    maxNumSeqs: 8,
    prefillTokensPerSecond: 8000,
    prefillDoublesAt: Infinity,
    interTokenMs: 20,
    interTokenGrowth: 0.03,
    speed: 1,
    maxNumBatchedTokens: STEP_TOKEN_BUDGET,
    metricsAtStepEnd: false,
    maxQueued: Infinity,
    seed: 1,
    version: "0.32.0",
    scaleOut: true,
    reasoning: false,
    responsesStore: true,
    ...options,
    kvBlocks,
    blockSize,
    // A longer request could never be admitted and would wait forever.
    maxModelLen: Math.min(maxModelLen, kvBlocks * blockSize),
  };
}
