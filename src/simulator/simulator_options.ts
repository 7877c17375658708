import type { EngineOptions } from "./engine_options.ts";
import type { Fault } from "./fault.ts";
import { BLOCK_SIZE } from "./kv_cache.ts";
import { STEP_TOKEN_BUDGET } from "./scheduler.ts";

/** What a simulated server is started with; every member has a default. */
export interface SimulatorOptions {
  /** The address to listen at. @default "127.0.0.1" */
  hostname?: string;
  /** 0 takes a free port. @default 0 */
  port?: number;
  /** Served model names; the first is the default. @default ["simulated-model"] */
  models?: readonly string[];
  /** Requests decoded side by side. @default 8 */
  maxNumSeqs?: number;
  /**
   * Longest prompt and answer together, in tokens; never more than the KV cache holds.
   *
   * @default 32768
   */
  maxModelLen?: number;
  /** Size of the KV cache in blocks of 16 tokens. @default 8192 */
  kvBlocks?: number;
  /** Prompt tokens computed in a second, those found in the prefix cache aside. @default 8000 */
  prefillTokensPerSecond?: number;
  /** Time of one decode step with a batch of one, in milliseconds. @default 20 */
  interTokenMs?: number;
  /** Share by which each further sequence in the batch slows a step. @default 0.03 */
  interTokenGrowth?: number;
  /** Multiplies the speed of everything. @default 1 */
  speed?: number;
  /** Tokens that a step computes at most, as with --max-num-batched-tokens. @default 2048 */
  maxNumBatchedTokens?: number;
  /** /metrics changes at the end of an engine's step only, as vLLM's does. @default false */
  metricsAtStepEnd?: boolean;
  /**
   * Requests that may wait, as with --max-num-queued-reqs. One past it gets 503; a stream gets its
   * head, and the error in the way of its endpoint.
   *
   * @default unbounded
   */
  maxQueued?: number;
  /**
   * Seconds of silence that a comment fills in a stream, as with --sse-keep-alive-interval.
   *
   * @default no comments
   */
  sseKeepAliveSeconds?: number;
  /** Requests that contain `marker` break the server: a 500, or a reset. @default none */
  poison?: { readonly marker: string; readonly answer: "error" | "reset" };
  /** Guards /v1, /v2, /inference and /cohere, as --api-key does. @default none */
  apiKey?: string;
  /** Decides texts, lengths and which requests a fault strikes. @default 1 */
  seed?: number;
  /** Shown by /version. @default "0.11.0" */
  version?: string;
  /** The fault to begin with. @default none */
  fault?: Fault;
  /**
   * Hears how each inference request ended, and its `x-request-id` where it has one.
   *
   * @default nobody
   */
  onEnded?: (id: string | undefined, how: Ending) => void;
}

/** How a request ended; one that is refused counts as none of the other three. */
export type Ending = "finished" | "aborted" | "failed" | "refused";

/** Those that have no value by default. */
type Unset = "apiKey" | "fault" | "onEnded" | "poison" | "sseKeepAliveSeconds";

/** The options with all defaults filled in. */
export type SimulatorSettings =
  & EngineOptions
  & Readonly<Required<Omit<SimulatorOptions, Unset>>>
  & Readonly<Pick<SimulatorOptions, Unset>>;

/** Fills in the defaults. */
export function settingsFrom(options: SimulatorOptions): SimulatorSettings {
  const { maxModelLen = 32768, kvBlocks = 8192 } = options;
  return {
    hostname: "127.0.0.1",
    port: 0,
    models: ["simulated-model"],
    maxNumSeqs: 8,
    prefillTokensPerSecond: 8000,
    interTokenMs: 20,
    interTokenGrowth: 0.03,
    speed: 1,
    maxNumBatchedTokens: STEP_TOKEN_BUDGET,
    metricsAtStepEnd: false,
    maxQueued: Infinity,
    seed: 1,
    version: "0.11.0",
    ...options,
    kvBlocks,
    // A longer request could never be admitted, and would wait for ever.
    maxModelLen: Math.min(maxModelLen, kvBlocks * BLOCK_SIZE),
  };
}
