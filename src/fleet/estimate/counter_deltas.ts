import type { TokenCounters } from "./load.ts";
import {
  type LatencyModel,
  type Observation,
  plausibleDecode,
  plausiblePrefill,
} from "./latency_model.ts";

/** What a server's counters tell of all its requests, by how they grew between two scrapes. */
export interface CounterDeltas {
  /** Tokens of prompts. */
  readonly promptTokens: number | undefined;
  /** First tokens of answers. */
  readonly firstTokens: number | undefined;
  /**
   * Tokens that were computed of a prompt, and seconds until its first token. Only where there was
   * but one: several wait for one another.
   */
  readonly prefill: Observation | undefined;
  /** Tokens of answers after the first, and seconds between them. */
  readonly decode: Observation | undefined;
}

/**
 * What can't be told, or didn't grow, is `undefined`.
 *
 * @param expected pace of the server, which limits the times that it may report
 */
export function counterDeltas(
  before: TokenCounters,
  after: TokenCounters,
  expected: LatencyModel,
): CounterDeltas {
  // An unknown one makes NaN, which no comparison lets through.
  const grown = (name: keyof TokenCounters) => (after[name] ?? NaN) - (before[name] ?? NaN);
  // Where a server doesn't say what it found, it computed all.
  const computed = grown("prompt") - (grown("prefixHits") || 0);
  const prefill = grown("firstTokens") === 1 &&
    observation(computed, grown("firstTokenSeconds"));
  const decode = observation(grown("interTokens"), grown("interTokenSeconds"));
  return {
    promptTokens: grown("prompt") > 0 ? grown("prompt") : undefined,
    firstTokens: grown("firstTokens") >= 0 ? grown("firstTokens") : undefined,
    prefill: prefill ? plausiblePrefill(prefill, expected) : undefined,
    decode: decode && plausibleDecode(decode),
  };
}

function observation(tokens: number, seconds: number): Observation | undefined {
  return tokens > 0 && seconds >= 0 ? { tokens, seconds } : undefined;
}
