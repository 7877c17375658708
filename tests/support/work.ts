import { prefillOf } from "../../src/fleet/estimate/attention.ts";
import type {
  PromptProfile,
  QueuedRequest,
  WorkSnapshot,
} from "../../src/fleet/estimate/prompt_profile.ts";

/** A stream for any model with an unknown prompt, overridden by the given fields. */
export function profileOf(known: Partial<PromptProfile> = {}): PromptProfile {
  return {
    model: undefined,
    promptBytes: undefined,
    blocks: [],
    session: undefined,
    stream: true,
    ...known,
  };
}

/** A prompt of 1,000 uncached tokens, sent at 0 and expected to take a second. */
export function queuedRequestOf(known: Partial<QueuedRequest> = {}): QueuedRequest {
  return {
    profile: profileOf(),
    promptTokens: 1_000,
    own: prefillOf(1_000, 1_000),
    knownTokens: 0,
    at: 0,
    expectedAt: 1_000,
    queued: false,
    isClear: true,
    firstAt: undefined,
    ...known,
  };
}

/** The snapshot of a server without observations, overridden by the given fields. */
export function workSnapshotOf(known: Partial<WorkSnapshot> = {}): WorkSnapshot {
  return {
    startSeconds: 0.04,
    secondsPerToken: 0.0001,
    growth: 0,
    secondsPerAnswerToken: 0.03,
    pendingTokens: 0,
    prefixBlocks: 0,
    predictedHitRate: undefined,
    realHitRate: undefined,
    prefixTrust: 0.9,
    ...known,
  };
}
