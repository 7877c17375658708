import { prefillOf } from "./attention.ts";
import type { TokenCounters } from "./load.ts";
import type { LatencyModel, Observation, PrefillObservation } from "./latency_model.ts";
import { plausibleDecode, plausiblePrefill } from "./plausible.ts";

/** Growth of a server's counters between two scrapes, over all its requests. */
export interface CounterDeltas {
  /** Tokens of prompts. */
  readonly promptTokens: number | undefined;
  /** First tokens of answers. */
  readonly firstTokens: number | undefined;
  /**
   * Computed tokens of a prompt, and seconds to its first token. Only if there was exactly one
   * prompt, since several wait for one another.
   */
  readonly prefill: PrefillObservation | undefined;
  /** Tokens of answers after the first, and seconds between them. */
  readonly decode: Observation | undefined;
}

/**
 * Returns the growth between two scrapes. Values that are unknown or didn't grow are `undefined`.
 *
 * @param expected the server's latency model, which bounds the times it may report
 */
export function counterDeltas(
  before: TokenCounters,
  after: TokenCounters,
  expected: LatencyModel,
): CounterDeltas {
  // An unknown counter gives NaN, which fails every comparison.
  const grown = (name: Exclude<keyof TokenCounters, "atEnd">) =>
    (after[name] ?? NaN) - (before[name] ?? NaN);
  const prefill = grown("firstTokens") === 1 &&
    observation(computedIn(after) - computedIn(before), grown("firstTokenSeconds"));
  const decode = observation(grown("interTokens"), grown("interTokenSeconds"));
  return {
    promptTokens: grown("prompt") > 0 ? grown("prompt") : undefined,
    firstTokens: grown("firstTokens") >= 0 ? grown("firstTokens") : undefined,
    prefill: prefill
      ? plausiblePrefill(asPrefill(prefill, grown("prompt")), expected, true)
      : undefined,
    decode: decode && plausibleDecode(decode),
  };
}

/** Prompt tokens that a server has computed; without counters of a prefix cache all of them. */
export function computedIn({ prompt, computed, prefixHits }: TokenCounters): number {
  return computed ?? (prompt ?? NaN) - (prefixHits ?? 0);
}

function observation(tokens: number, seconds: number): Observation | undefined {
  return tokens > 0 && seconds >= 0 ? { tokens, seconds } : undefined;
}

function asPrefill({ tokens, seconds }: Observation, promptTokens: number): PrefillObservation {
  return { ...prefillOf(promptTokens, tokens), seconds };
}

/** Fewer prompts than this tell nothing of a server's pace. */
const FEW_PROMPTS = 4;

/**
 * Returns the mean prefill since a server's start, from its counters at the first scrape; `undefined`
 * if they don't tell. Prompts that were computed together count too long, so it is a rough value.
 */
export function prefillBefore(counters: TokenCounters): PrefillObservation | undefined {
  const { prompt = NaN, prefills = NaN, prefillSeconds = NaN } = counters;
  if (!(prefills >= FEW_PROMPTS)) return undefined;
  const mean = observation(computedIn(counters) / prefills, prefillSeconds / prefills);
  return mean && asPrefill(mean, prompt / prefills);
}
