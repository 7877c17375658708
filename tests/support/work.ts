import type {
  PromptProfile,
  QueuedRequest,
  WorkSnapshot,
} from "../../src/fleet/estimate/prompt_profile.ts";

/** A stream of any model without a prompt that can be told, but for what is given. */
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

/** A prompt of 1,000 tokens, none of them cached, sent at 0 and expected to take a second. */
export function queuedRequestOf(known: Partial<QueuedRequest> = {}): QueuedRequest {
  return {
    profile: profileOf(),
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

/** What is known of the work at a server of which nothing was seen, but for what is given. */
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
