import { prefillOf } from "./attention.ts";
import type { CachedPrompts } from "./cached_prompts.ts";
import type { Memory } from "./memory.ts";
import type { PeerRequests } from "./estimator.ts";
import { dequeue, enqueue } from "./prefill_queue.ts";
import type { QueuedRequest } from "./prompt_profile.ts";
import { startOther } from "./server_estimate.ts";

/** Counts in an estimator's memory. Learns no paces, since peers' events come late. */
export function createPeerRequests(
  { cached, estimateOf }: { readonly cached: CachedPrompts } & Pick<Memory, "estimateOf">,
): PeerRequests {
  return {
    begin(server, { promptTokens, ownTokens, blocks, session, ...event }, now) {
      const { queue, slot } = estimateOf(server);
      const at = now - event.ageMs;
      const request: QueuedRequest = {
        profile: {
          model: undefined,
          promptBytes: undefined,
          blocks,
          session,
          stream: event.stream,
        },
        promptTokens,
        own: prefillOf(promptTokens, ownTokens),
        knownTokens: 0,
        at,
        expectedAt: at + event.expectedMs,
        queued: event.queued,
        isClear: false,
        firstAt: event.computed ? now : undefined,
      };
      cached.sent(slot, request.profile);
      if (event.computed) cached.computed(slot, request.profile);
      else if (promptTokens > 0) enqueue(queue, request);
      return request;
    },
    computed(server, request, now) {
      if (request.firstAt !== undefined) return;
      request.firstAt = now;
      const estimate = estimateOf(server);
      startOther(estimate, request, now);
      cached.computed(estimate.slot, request.profile);
    },
    end(server, request, answered) {
      const { queue, slot } = estimateOf(server);
      const { profile, firstAt } = request;
      dequeue(queue, request);
      if (firstAt === undefined) return cached.brokenOff(slot, profile, 0);
      cached.answered(slot, profile, answered.length > 0 ? answered : undefined);
    },
  };
}
