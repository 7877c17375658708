import { firstTokenSeconds } from "../../routing/least_work.ts";
import type { Prediction } from "../../routing/policy.ts";
import { enqueue, hidesFirstTokens, passTime } from "./prefill_queue.ts";
import * as books from "./server_estimate.ts";
import { counterDeltas } from "./counter_deltas.ts";
import type { Load, Scrape } from "./load.ts";
import { addSample, initialAverages } from "./moving_averages.ts";
import { NOTHING_SEEN, type Observation, type Seen } from "./latency_model.ts";
import { createPrefixIndex } from "./prefix_index.ts";
import { type Demand, predictionAt } from "./prediction.ts";
import type { Server } from "../state/server.ts";
import { createSessions } from "./sessions.ts";
import { createTokenRatios, tokensPerByte, USUAL_RATIO } from "./token_ratio.ts";
import { longestPrefillMs, snapshotOf } from "./estimate_snapshot.ts";
import type { PromptProfile, QueuedRequest, Size, WorkSnapshot } from "./prompt_profile.ts";
import { BLOCK_BYTES, MOST_PREFIX_BLOCKS } from "./prompt_profile.ts";

/** The work that is under way, and what it teaches of servers and models. */
export interface Estimator {
  /** What a request would find at a server, for as many servers as are asked about. */
  prospects(work: PromptProfile, now: number): (server: Readonly<Server>, load: Load) => Prediction;
  /** A request is sent to a server. */
  begin(
    server: Readonly<Server>,
    work: PromptProfile,
    prospect: Prediction,
    now: number,
  ): QueuedRequest;
  /** Its first token is here. Only the first call counts. */
  firstToken(server: Readonly<Server>, ticket: QueuedRequest, now: number): void;
  /** It has ended, well or not. */
  end(server: Readonly<Server>, ticket: QueuedRequest, size: Size, now: number): void;
  /** A server's page was read. */
  scraped(server: Readonly<Server>, scrape: Omit<Scrape, "at">, now: number): void;
  /** Only these servers are left. */
  keep(servers: readonly Readonly<Server>[]): void;
  /** What is under way at a server and what was learned of it, for whatever shows it. */
  of(server: Readonly<Server>, now: number): WorkSnapshot;
  /** Expected for the longest prompt that waits at a server, in milliseconds; 0 where none does. */
  longestPrefillMs(server: Readonly<Server>, now: number): number;
  /** Of each model of which something was learned. */
  tokensPerByte(): ReadonlyMap<string, number>;
}

/** Of all servers together; one takes about fifty bytes. */
const MOST_SESSIONS = 100_000;
/** Only those that servers list get here, but lists change. */
const MOST_MODELS = 1_000;
/** Tokens of a cache whose size nobody tells. */
const USUAL_CACHE_TOKENS = 500_000;
/** An answer has at most this many tokens for each millisecond it took; no server is that fast. */
const MOST_TOKENS_PER_MS = 10;

/** A workbook with nothing in it. */
export function createEstimator(): Estimator {
  const index = createPrefixIndex(MOST_PREFIX_BLOCKS);
  const sessions = createSessions(MOST_SESSIONS);
  const byId = new Map<number, books.ServerEstimate>();
  const ratios = createTokenRatios(MOST_MODELS);
  let all: Seen = NOTHING_SEEN;
  const means = initialAverages();

  function bookOf({ id }: Readonly<Server>): books.ServerEstimate {
    const known = byId.get(id);
    if (known) return known;
    const book = books.newServerEstimate(byId.values());
    byId.set(id, book);
    index.limit(book.slot, blocksOf(USUAL_CACHE_TOKENS));
    return book;
  }

  function learn(
    book: books.ServerEstimate,
    kind: keyof Seen,
    seen: Observation | undefined,
    now: number,
  ) {
    if (!seen) return;
    book.seen = books.withObservation(book.seen, kind, seen, now);
    all = books.withObservation(all, kind, seen, now);
  }

  /** A server has nothing in its cache. */
  function forget({ slot }: books.ServerEstimate) {
    index.forget(slot);
    sessions.forget(slot);
  }

  return {
    prospects(work, now) {
      const perByte = tokensPerByte(ratios.of(work.model));
      const { promptBytes } = work;
      const promptTokens = promptBytes === undefined ? means.ownTokens : promptBytes * perByte;
      const matched = index.match(work.blocks);
      const demand: Demand = {
        promptTokens,
        knownTokens: (slot) => Math.min(promptTokens, matched(slot) * BLOCK_BYTES * perByte),
        sessionSlot: work.session === undefined ? undefined : sessions.last(work.session),
        meanAnswerTokens: means.answerTokens,
        // In the mean as many wait as their time is of the whole (Little's law).
        meanPendingTokens: means.ownTokens * means.waitMs / means.totalMs,
      };
      return (server, load) => {
        const book = bookOf(server);
        passTime(book.backlog, now);
        return predictionAt(server, load, book, books.expectedPace(book, all, now), demand, now);
      };
    },
    begin(server, work, prospect, now) {
      const { promptTokens, ownTokens, knownTokens } = prospect;
      const book = bookOf(server);
      const queued = prospect.aheadOfSeat > 0;
      const ticket: QueuedRequest = {
        work,
        promptTokens,
        ownTokens,
        knownTokens,
        at: now,
        expectedAt: now + 1000 * firstTokenSeconds(prospect),
        queued,
        isClear: !queued && work.promptBytes !== undefined && !hidesFirstTokens(book.backlog),
        firstAt: undefined,
      };
      index.remember(book.slot, work.blocks);
      if (work.promptBytes !== 0) enqueue(book.backlog, ticket);
      return ticket;
    },
    firstToken(server, ticket, now) {
      const book = bookOf(server);
      const { work: { promptBytes, blocks, session }, ownTokens, firstAt } = ticket;
      learn(book, "prefill", books.takeStep(book, now), now);
      books.start(book, ticket, now);
      // A prompt that a server refused tells nothing of those that are computed.
      if (firstAt === undefined && promptBytes !== 0) addSample(means, "ownTokens", ownTokens);
      index.confirm(book.slot, blocks);
      if (session !== undefined) sessions.remember(session, book.slot);
    },
    end(server, ticket, { promptTokens, answerTokens: claimed }, now) {
      const book = bookOf(server);
      const { work, work: { model, promptBytes }, at, expectedAt, firstAt } = ticket;
      const answerTokens = claimed && Math.min(claimed, MOST_TOKENS_PER_MS * Math.max(0, now - at));
      learn(book, "prefill", books.takeStep(book, now), now);
      learn(book, "decode", books.close(book, ticket, answerTokens, now), now);
      if (firstAt === undefined) {
        // A whole answer's prompt is computed long before its end.
        const isComputed = !work.stream && now >= expectedAt;
        if (isComputed) index.confirm(book.slot, work.blocks);
        else index.withdraw(book.slot, work.blocks);
      } else if (work.stream) {
        addSample(means, "waitMs", Math.max(0, firstAt - at));
        addSample(means, "totalMs", Math.max(0, now - at));
      }
      if (answerTokens) addSample(means, "answerTokens", answerTokens);
      if (promptTokens && promptBytes) ratios.learn(model, promptBytes, promptTokens);
    },
    scraped(server, scrape, now) {
      const book = bookOf(server);
      const { counters: before, started, queued } = book;
      book.started = undefined;
      book.queued = scrape.waiting > 0;
      if (scrape.kvCacheTokens) index.limit(book.slot, blocksOf(scrape.kvCacheTokens));
      if (books.count(book, scrape, server.config.capacity, now) === "anew") return forget(book);
      if (!before || !scrape.counters) return;
      const expected = books.expectedPace(book, all, now);
      const growth = counterDeltas(before, scrape.counters, expected);
      const { promptTokens, firstTokens, prefill, decode } = growth;
      learn(book, "decode", decode, now);
      if (!queued && !book.queued && books.isLittleKnown(book, now)) {
        learn(book, "prefill", prefill, now);
      }
      const alone = scrape.running + scrape.waiting <= scrape.ownInFlight;
      const isWhole = firstTokens === undefined || firstTokens === started?.count;
      if (started?.alike && alone && isWhole && promptTokens) {
        ratios.learn(started.model, started.bytes, promptTokens);
      }
    },
    keep(servers) {
      const left = new Set(servers.map(({ id }) => id));
      for (const [id, book] of byId) {
        if (left.has(id)) continue;
        forget(book);
        byId.delete(id);
      }
    },
    of(server, now) {
      const book = bookOf(server);
      return snapshotOf(book, books.expectedPace(book, all, now), index.size(book.slot), now);
    },
    longestPrefillMs(server, now) {
      const book = bookOf(server);
      return longestPrefillMs(book, books.expectedPace(book, all, now));
    },
    tokensPerByte: ratios.learned,
  };
}

const blocksOf = (tokens: number) => Math.ceil(tokens / tokensPerByte(USUAL_RATIO) / BLOCK_BYTES);
