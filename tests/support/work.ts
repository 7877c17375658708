import type {
  PromptProfile,
  QueuedRequest,
  WorkSnapshot,
} from "../../src/fleet/estimate/prompt_profile.ts";

/** Returns the work of a stream with any model and an unknown prompt, except for given fields. */
export function workOf(known: Partial<PromptProfile> = {}): PromptProfile {
  return {
    model: undefined,
    promptBytes: undefined,
    blocks: [],
    session: undefined,
    stream: true,
    ...known,
  };
}

/** A prompt of 1,000 uncached tokens, sent at time 0 and expected to take one second. */
export function ticketOf(known: Partial<QueuedRequest> = {}): QueuedRequest {
  return {
    work: workOf(),
    promptTokens: 1_000,
    ownTokens: 1_000,
    knownTokens: 0,
    at: 0,
    expectedAt: 1_000,
    queued: false,
    isClear: true,
    firstAt: undefined,
    ...known,
  };
}

/** Returns a snapshot of a server where no work was observed, except for given fields. */
export function workSnapshotOf(known: Partial<WorkSnapshot> = {}): WorkSnapshot {
  return {
    startSeconds: 0.04,
    secondsPerToken: 0.0001,
    secondsPerAnswerToken: 0.03,
    pendingTokens: 0,
    prefixBlocks: 0,
    predictedHitRate: undefined,
    realHitRate: undefined,
    prefixTrust: 0.9,
    ...known,
  };
}
