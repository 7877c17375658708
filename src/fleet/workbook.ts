import { firstTokenSeconds } from "../routing/least_work.ts";
import type { Prospect } from "../routing/policy.ts";
import { enqueue, pendingTokens } from "./backlog.ts";
import * as books from "./book.ts";
import { growthOf } from "./growth.ts";
import type { Load, Scrape } from "./load.ts";
import { NOTHING_SEEN, type Seen } from "./pace.ts";
import { createPrefixIndex } from "./prefix_index.ts";
import { type Demand, prospectAt } from "./prospect.ts";
import type { Server } from "./server.ts";
import { type TokenRatio, tokensPerByte, USUAL_RATIO, withSeen } from "./token_ratio.ts";
import { BLOCK_BYTES, type Size, type Ticket, type Work, type WorkSnapshot } from "./work.ts";

/** The work that is under way, and what it teaches of servers and models. */
export interface Workbook {
  /** What a request would find at a server, for as many servers as are asked about. */
  prospects(work: Work, now: number): (server: Readonly<Server>, load: Load) => Prospect;
  /** A request is sent to a server. */
  begin(server: Readonly<Server>, work: Work, prospect: Prospect, now: number): Ticket;
  /** Its first token is here. Only the first call counts. */
  firstToken(server: Readonly<Server>, ticket: Ticket, now: number): void;
  /** It has ended, well or not. */
  end(server: Readonly<Server>, ticket: Ticket, size: Size, now: number): void;
  /** A server's page was read. */
  scraped(server: Readonly<Server>, scrape: Omit<Scrape, "at">, now: number): void;
  /** Only these servers are left. */
  keep(servers: readonly Readonly<Server>[]): void;
  of(server: Readonly<Server>, now: number): WorkSnapshot;
}

/** Of all servers together; a block takes about a hundred bytes. */
const MOST_BLOCKS = 1_000_000;
/** Tokens of a cache whose size nobody tells. */
const USUAL_CACHE_TOKENS = 500_000;
/** Weight of the latest in a running mean. */
const LATEST = 0.02;

export function createWorkbook(): Workbook {
  const index = createPrefixIndex(MOST_BLOCKS);
  const byId = new Map<number, books.Book>();
  const ratios = new Map<string | undefined, TokenRatio>();
  let all: Seen = NOTHING_SEEN;
  let meanOwnTokens = 1_000;
  let meanAnswerTokens = 200;
  let inFlight = 0;

  function bookOf({ id }: Readonly<Server>): books.Book {
    const known = byId.get(id);
    if (known) return known;
    const taken = new Set([...byId.values()].map(({ slot }) => slot));
    let slot = 0;
    while (taken.has(slot)) slot++;
    const book = books.newBook(slot);
    byId.set(id, book);
    index.limit(slot, blocksOf(USUAL_CACHE_TOKENS, USUAL_RATIO));
    return book;
  }

  const ratioOf = (model: string | undefined) => ratios.get(model) ?? USUAL_RATIO;

  /** Share of our own requests that wait for their first token; others' are taken to be alike. */
  function waitingShare(): number {
    let waiting = 0;
    for (const { backlog } of byId.values()) waiting += backlog.waiting.size;
    return inFlight === 0 ? 0 : waiting / inFlight;
  }

  function learn(
    book: books.Book,
    kind: keyof Seen,
    seen: books.Observation,
    now: number,
  ) {
    book.seen = books.withObservation(book.seen, kind, seen, now);
    all = books.withObservation(all, kind, seen, now);
  }

  return {
    prospects(work, now) {
      const perByte = tokensPerByte(ratioOf(work.model));
      const promptTokens = work.promptBytes > 0 ? work.promptBytes * perByte : meanOwnTokens;
      const matched = index.match(work.blocks);
      const inSession = work.session === undefined ? undefined : index.match([work.session]);
      let share: number | undefined;
      const demand: Demand = {
        promptTokens,
        knownTokens: (slot) => Math.min(promptTokens, matched(slot) * BLOCK_BYTES * perByte),
        hadSession: (slot) => inSession !== undefined && inSession(slot) > 0,
        meanOwnTokens,
        meanAnswerTokens,
        waitingShare: () => share ??= waitingShare(),
      };
      return (server, load) => {
        const book = bookOf(server);
        return prospectAt(server, load, book, books.expectedPace(book, all, now), demand, now);
      };
    },
    begin(server, work, prospect, now) {
      const { promptTokens, ownTokens, knownTokens } = prospect;
      const ticket: Ticket = {
        work,
        promptTokens,
        ownTokens,
        knownTokens,
        at: now,
        expectedAt: now + 1000 * firstTokenSeconds(prospect),
        queued: prospect.aheadOfSeat > 0,
        firstAt: undefined,
      };
      const book = bookOf(server);
      enqueue(book.backlog, ticket);
      inFlight++;
      index.remember(
        book.slot,
        work.session === undefined ? work.blocks : [...work.blocks, work.session],
      );
      meanOwnTokens += LATEST * (ownTokens - meanOwnTokens);
      return ticket;
    },
    firstToken(server, ticket, now) {
      const book = bookOf(server);
      const seen = books.start(book, ticket, now);
      if (seen) learn(book, "prefill", seen, now);
    },
    end(server, ticket, { promptTokens, answerTokens }, now) {
      const book = bookOf(server);
      inFlight--;
      const seen = books.close(book, ticket, answerTokens, now);
      if (seen) learn(book, "decode", seen, now);
      if (answerTokens) meanAnswerTokens += LATEST * (answerTokens - meanAnswerTokens);
      const { model, promptBytes } = ticket.work;
      if (promptTokens && promptBytes > 0) {
        ratios.set(model, withSeen(ratioOf(model), promptBytes, promptTokens));
      }
    },
    scraped(server, scrape, now) {
      const book = bookOf(server);
      const { counters: before, started, queued } = book;
      book.started = undefined;
      book.queued = scrape.waiting > 0;
      if (scrape.kvCacheTokens !== undefined) {
        index.limit(book.slot, blocksOf(scrape.kvCacheTokens, USUAL_RATIO));
      }
      if (books.count(book, scrape) === "anew") return index.forget(book.slot);
      if (!before || !scrape.counters) return;
      const { promptTokens, prefill, decode } = growthOf(before, scrape.counters);
      if (decode) learn(book, "decode", decode, now);
      if (prefill && !queued && !book.queued && books.isLittleKnown(book, now)) {
        learn(book, "prefill", prefill, now);
      }
      const alone = scrape.running + scrape.waiting <= scrape.ownInFlight;
      if (started?.alike && alone && promptTokens) {
        ratios.set(started.model, withSeen(ratioOf(started.model), started.bytes, promptTokens));
      }
    },
    keep(servers) {
      const left = new Set(servers.map(({ id }) => id));
      for (const [id, book] of byId) {
        if (left.has(id)) continue;
        index.forget(book.slot);
        byId.delete(id);
      }
    },
    of(server, now) {
      const book = bookOf(server);
      const pace = books.expectedPace(book, all, now);
      return {
        ...pace,
        pendingTokens: pendingTokens(book.backlog, pace.secondsPerToken, now),
        prefixBlocks: index.size(book.slot),
        predictedHitRate: book.trust.predictedRate,
        realHitRate: book.trust.realRate,
      };
    },
  };
}

function blocksOf(tokens: number, ratio: TokenRatio): number {
  return Math.ceil(tokens / tokensPerByte(ratio) / BLOCK_BYTES);
}
