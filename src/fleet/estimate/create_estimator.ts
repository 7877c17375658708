import { prefillOf } from "./attention.ts";
import { blocksWithAnswer, createCachedPrompts } from "./cached_prompts.ts";
import { firstTokenSeconds } from "../../routing/policy.ts";
import {
  computedShare,
  enqueue,
  hidesFirstTokens,
  isComputedBy,
  passTime,
} from "./prefill_queue.ts";
import * as estimates from "./server_estimate.ts";
import { counterDeltas, prefillBefore } from "./counter_deltas.ts";
import type { Memory } from "./memory.ts";
import { createNumbers } from "./numbers.ts";
import { addSample, initialAverages } from "./moving_averages.ts";
import { withTold } from "./hit_calibration.ts";
import { isLittleKnown, NOTHING_SEEN } from "./latency_model.ts";
import { count } from "./server_counters.ts";
import { createPaces } from "./paces.ts";
import { plausiblePrefill } from "./plausible.ts";
import { createPeerRequests } from "./peer_requests.ts";
import { type Demand, predictionAt } from "./prediction.ts";
import type { Server } from "../state/server.ts";
import { createTokenRatios, tokensPerByte } from "./token_ratio.ts";
import { longestPrefillMs, snapshotOf } from "./estimate_snapshot.ts";
import type { Estimator } from "./estimator.ts";
import { BLOCK_BYTES, type PromptProfile, type QueuedRequest } from "./prompt_profile.ts";
import { restoreEstimates } from "./restore_estimates.ts";
import { saveEstimates } from "./save_estimates.ts";

/** Upper bound for an answer's tokens per millisecond. No server is that fast. */
const MOST_TOKENS_PER_MS = 10;

/** Creates an empty estimator. */
export function createEstimator(): Estimator {
  const cached = createCachedPrompts();
  const byId = new Map<number, estimates.ServerEstimate>();
  const slots = createNumbers();
  const ratios = createTokenRatios();
  const paces = createPaces();
  const averages = initialAverages();

  const memory: Memory = { cached, ratios, paces, averages, absent: new Map(), estimateOf };

  function estimateOf(server: Readonly<Server>): estimates.ServerEstimate {
    const known = byId.get(server.id);
    if (known) return known;
    const estimate = estimates.newServerEstimate(slots.take());
    byId.set(server.id, estimate);
    cached.limit(estimate.slot, tokensPerByte(ratios.all()));
    memory.absent.get(server.config.url)?.restore(server);
    memory.absent.delete(server.config.url);
    return estimate;
  }

  const promptTokensOf = ({ promptBytes, model }: PromptProfile) =>
    promptBytes === undefined ? averages.ownTokens : promptBytes * tokensPerByte(ratios.of(model));

  return {
    peerRequests: createPeerRequests(memory),
    predictions(profile, now) {
      const perByte = tokensPerByte(ratios.of(profile.model));
      const promptTokens = promptTokensOf(profile);
      const matched = cached.match(profile);
      const demand: Demand = {
        promptTokens,
        knownTokens: (slot) => Math.min(promptTokens, matched(slot) * BLOCK_BYTES * perByte),
        blockTokens: BLOCK_BYTES * perByte,
        sessionSlot: cached.sessionSlot(profile),
        meanAnswerTokens: averages.answerTokens,
        fleetLateness: paces.lateness(byId.values(), now),
        // The mean share of requests that wait is the share of time they wait (Little's law).
        meanPendingTokens: averages.ownTokens * averages.waitMs / averages.totalMs,
      };
      return (server, load) => {
        const estimate = estimateOf(server);
        passTime(estimate.queue, now);
        const latency = paces.expected(estimate, now);
        return predictionAt(server, load, estimate, latency, demand, now);
      };
    },
    begin(server, profile, prediction, now) {
      const { promptTokens, ownTokens, knownTokens } = prediction;
      const estimate = estimateOf(server);
      const queued = prediction.aheadOfSeat > 0;
      const request: QueuedRequest = {
        profile,
        promptTokens,
        own: prefillOf(promptTokens, ownTokens),
        knownTokens,
        at: now,
        expectedAt: now + 1000 * firstTokenSeconds(prediction),
        queued,
        isClear: !queued && profile.promptBytes !== undefined &&
          !hidesFirstTokens(estimate.queue),
        firstAt: undefined,
      };
      cached.sent(estimate.slot, profile);
      if (profile.promptBytes !== 0) enqueue(estimate.queue, request);
      return request;
    },
    firstToken(server, request, now) {
      const estimate = estimateOf(server);
      const { profile, profile: { promptBytes }, own, firstAt } = request;
      paces.learnPrefill(estimate, estimates.takeStep(estimate, now), now);
      estimates.start(estimate, request, now);
      // A request without a prompt says nothing about prompt lengths.
      if (firstAt === undefined && promptBytes !== 0) addSample(averages, "ownTokens", own.tokens);
      cached.computed(estimate.slot, profile);
    },
    end(server, request, ended, now) {
      const { outcome, promptTokens, cachedTokens, answerTokens: claimed } = ended;
      const estimate = estimateOf(server);
      const { profile, profile: { model, promptBytes }, at, firstAt } = request;
      const answerTokens = claimed && Math.min(claimed, MOST_TOKENS_PER_MS * Math.max(0, now - at));
      const withAnswer = firstAt === undefined ? undefined : blocksWithAnswer(profile, ended);
      if (firstAt === undefined) {
        const share = outcome === "client_closed" || isComputedBy(request, now)
          ? computedShare(estimate.queue, request, paces.expected(estimate, now), now)
          : 0;
        cached.brokenOff(estimate.slot, profile, share);
      } else cached.answered(estimate.slot, profile, withAnswer);
      if (promptTokens && promptBytes && cachedTokens !== undefined) {
        const told = { prompt: promptTokens, predicted: request.knownTokens, cached: cachedTokens };
        estimate.calibration = withTold(estimate.calibration, told, now);
      }
      paces.learnPrefill(estimate, estimates.takeStep(estimate, now), now);
      paces.learnDecode(estimate, estimates.close(estimate, request, answerTokens, now), now);
      if (firstAt !== undefined && profile.stream) {
        addSample(averages, "waitMs", Math.max(0, firstAt - at));
        addSample(averages, "totalMs", Math.max(0, now - at));
      }
      if (answerTokens) addSample(averages, "answerTokens", answerTokens);
      if (promptTokens && promptBytes) ratios.learn(model, promptBytes, promptTokens);
      return withAnswer;
    },
    scraped(server, scrape, now) {
      const estimate = estimateOf(server);
      const { started, queued } = estimate;
      // Restored counters only tell whether it has restarted.
      const before = estimate.countedAt === 0 ? undefined : estimate.counters;
      estimate.started = undefined;
      estimate.queued = (scrape.waiting ?? 0) > 0;
      estimate.blockTokens = scrape.kvBlockTokens ?? estimate.blockTokens;
      if (scrape.kvCacheTokens) {
        cached.limit(estimate.slot, tokensPerByte(ratios.all()), scrape.kvCacheTokens);
      }
      if (count(estimate, scrape, server.config.capacity, now) === "anew") {
        return cached.forget(estimate.slot);
      }
      // The first scrape tells how it has been so far: a router that starts knows its servers.
      if (!before && scrape.counters && estimate.seen === NOTHING_SEEN) {
        const mean = prefillBefore(scrape.counters);
        paces.learnPrefill(
          estimate,
          mean && plausiblePrefill(mean, paces.expected(estimate, now), false),
          now,
        );
      }
      // Counters that move at a request's end say nothing about the prompts that just started.
      if (!before || !scrape.counters || scrape.counters.atEnd) return;
      const deltas = counterDeltas(before, scrape.counters, paces.expected(estimate, now));
      const { promptTokens, firstTokens, prefill, decode } = deltas;
      paces.learnDecode(estimate, decode, now);
      if (!queued && !estimate.queued && isLittleKnown(estimate.seen, now)) {
        paces.learnPrefill(estimate, prefill, now);
      }
      const alone = (scrape.running ?? 0) + (scrape.waiting ?? 0) <= scrape.ownInFlight;
      const isWhole = firstTokens === undefined || firstTokens === started?.count;
      if (started?.alike && alone && isWhole && promptTokens) {
        ratios.learn(started.model, started.bytes, promptTokens);
      }
    },
    keep(servers) {
      const left = new Set(servers.map(({ id }) => id));
      for (const [id, estimate] of byId) {
        if (left.has(id)) continue;
        cached.forget(estimate.slot);
        byId.delete(id);
        slots.giveBack(estimate.slot);
      }
    },
    of(server, now) {
      const estimate = estimateOf(server);
      return snapshotOf(estimate, paces.expected(estimate, now), cached.size(estimate.slot), now);
    },
    longestPrefillMs(server, now) {
      const estimate = estimateOf(server);
      return longestPrefillMs(estimate, paces.expected(estimate, now));
    },
    expectedTokens: (profile) => ({
      prompt: promptTokensOf(profile),
      answer: averages.answerTokens,
    }),
    tokensPerByte: ratios.learned,
    save: (servers, keepsAbsent) => saveEstimates(memory, servers, keepsAbsent),
    restore: (servers, saved, now) => restoreEstimates(memory, servers, saved, now),
  };
}
