import assert from "node:assert/strict";
import fc from "fast-check";
import type { Scrape } from "../../../src/fleet/estimate/load.ts";
import {
  afterScrape,
  isMoving,
  NO_PROGRESS,
  type Progress,
  stallAfterMs,
} from "../../../src/fleet/health/engine_stall.ts";
import { numRuns } from "../../support/property.ts";

type Page = Omit<Scrape, "at">;

const counters = { prompt: 100, generation: 50, prefixQueries: 10, prefixHits: 5 };
const WORKING: Page = {
  running: 2,
  waiting: 1,
  kvCacheUsage: 0.5,
  counters,
  maxFds: undefined,
  ownInFlight: 2,
};
const IDLE: Page = { ...WORKING, running: 0, waiting: 0, ownInFlight: 0 };
const { counters: _, ...BLIND } = WORKING;
const NOBODY_WAITS = { awaitingFirstToken: 0, isStalled: false };
const ONE_WAITS = { awaitingFirstToken: 1, isStalled: false };
const SEEN = afterScrape(NO_PROGRESS, WORKING, NOBODY_WAITS, 1_000);

/** The same page after one more token. */
function moved(page: Page, tokens = 1): Page {
  const { generation = 0 } = page.counters!;
  return { ...page, counters: { ...page.counters!, generation: generation + tokens } };
}

Deno.test("the first scrape shows no movement, and the pause starts then", () => {
  assert.deepEqual(SEEN, {
    seen: WORKING,
    movedAt: -Infinity,
    noProgressSince: 1_000,
    longestStepMs: 0,
  });
});

Deno.test("an engine that counts at a request's end never stalls, and its counters show movement", () => {
  const page = { ...WORKING, counters: { ...counters, atEnd: true } };
  const seen = afterScrape(NO_PROGRESS, page, ONE_WAITS, 1_000);
  const later = afterScrape(seen, page, ONE_WAITS, 90_000);
  assert.equal(later.noProgressSince, Infinity);
  const after = afterScrape(later, moved(page), ONE_WAITS, 91_000);
  assert.deepEqual([after.movedAt, after.noProgressSince], [91_000, Infinity]);
});

Deno.test("an engine with requests but unchanged counters and cache makes no progress", () => {
  assert.deepEqual(afterScrape(SEEN, { ...WORKING }, NOBODY_WAITS, 2_000), SEEN);
  const others = { ...WORKING, running: 5, waiting: 9, ownInFlight: 7 };
  assert.deepEqual(
    afterScrape(SEEN, others, NOBODY_WAITS, 2_000),
    { ...SEEN, seen: others },
    "more requests are no progress",
  );
});

Deno.test("an engine with only a queue has work, so it can stall", () => {
  const queue = { ...WORKING, running: 0, waiting: 3 };
  assert.equal(afterScrape(SEEN, queue, NOBODY_WAITS, 2_000).noProgressSince, 1_000);
});

for (
  const [what, scrape] of [
    ["made a token", { ...WORKING, counters: { ...counters, generation: 51 } }],
    ["read a prompt", { ...WORKING, counters: { ...counters, prompt: 101 } }],
    ["was started anew", { ...WORKING, counters: { ...counters, prompt: 0, generation: 0 } }],
    ["fills its cache with a long prompt", { ...WORKING, kvCacheUsage: 0.51 }],
  ] satisfies [string, Page][]
) {
  Deno.test(`an engine that ${what} has moved, and its step was as long as the pause`, () => {
    assert.deepEqual(afterScrape(SEEN, scrape, NOBODY_WAITS, 2_500), {
      seen: scrape,
      movedAt: 2_500,
      noProgressSince: 2_500,
      longestStepMs: 1_500,
    });
  });
}

for (
  const [what, scrape] of [
    ["runs nothing", IDLE],
    ["shows only prompts", { ...WORKING, counters: { ...counters, generation: undefined } }],
    ["shows no counter", BLIND],
    ["shows nothing", undefined],
  ] satisfies [string, Page | undefined][]
) {
  Deno.test(`an engine that ${what} is neither stalled nor moving`, () => {
    assert.deepEqual(afterScrape(SEEN, scrape, NOBODY_WAITS, 2_000), {
      ...SEEN,
      seen: scrape,
      noProgressSince: Infinity,
    });
  });
}

Deno.test("an engine without counters is never stalled", () => {
  let progress = NO_PROGRESS;
  for (const now of [1, 2, 3]) progress = afterScrape(progress, BLIND, ONE_WAITS, now);
  assert.equal(progress.noProgressSince, Infinity);
  assert.equal(progress.movedAt, -Infinity);
});

Deno.test("for an idle engine that hangs, the router's own waiting requests count as work", () => {
  const idle = afterScrape(NO_PROGRESS, IDLE, NOBODY_WAITS, 1_000);
  assert.equal(idle.noProgressSince, Infinity);
  const asked = afterScrape(idle, IDLE, ONE_WAITS, 2_000);
  assert.equal(asked.noProgressSince, 2_000);
  assert.equal(afterScrape(asked, IDLE, ONE_WAITS, 9_000).noProgressSince, 2_000);
  assert.equal(afterScrape(asked, IDLE, NOBODY_WAITS, 9_000).noProgressSince, Infinity);
});

Deno.test("missing counters or an idle pause don't count as a long step", () => {
  const blind = afterScrape(SEEN, undefined, NOBODY_WAITS, 2_000);
  const page = moved(WORKING);
  const again = afterScrape(
    afterScrape(blind, WORKING, NOBODY_WAITS, 50_000),
    page,
    ONE_WAITS,
    50_100,
  );
  assert.equal(again.longestStepMs, 100);
  const idle = afterScrape(SEEN, IDLE, NOBODY_WAITS, 2_000);
  assert.equal(afterScrape(idle, moved(IDLE), NOBODY_WAITS, 60_000).longestStepMs, 0);
});

Deno.test("the length of a stall doesn't count as a step", () => {
  const hung = afterScrape(
    SEEN,
    moved(WORKING),
    { awaitingFirstToken: 1, isStalled: true },
    91_000,
  );
  assert.equal(hung.longestStepMs, 0);
  assert.equal(hung.movedAt, 91_000);
});

Deno.test("the longest step is kept and decays with each movement", () => {
  let now = 1_000;
  let page = WORKING;
  let progress = SEEN;
  const step = (ms: number) => {
    now += ms;
    page = moved(page);
    progress = afterScrape(progress, page, NOBODY_WAITS, now);
  };
  step(8_000);
  step(100);
  assert.ok(progress.longestStepMs > 7_900, `${progress.longestStepMs} ms`);
  for (let i = 0; i < 2_000; i++) step(100);
  assert.ok(progress.longestStepMs < 1_200, `${progress.longestStepMs} ms`);
  for (let i = 0; i < 5_000; i++) step(100);
  assert.equal(progress.longestStepMs, 100);
});

Deno.test("an engine may pause for twice its longest step or prefill, and at least stall_timeout", () => {
  for (
    const [longestStepMs, prefillMs, expected] of [
      [0, 0, 30_000],
      [10_000, 0, 30_000],
      [20_000, 0, 40_000],
      [0, 25_000, 50_000],
      [20_000, 25_000, 50_000],
      [300_000, 0, 600_000],
      [10_000_000, 0, 600_000],
      [0, Infinity, 600_000],
    ] as const
  ) {
    const progress: Progress = { ...NO_PROGRESS, longestStepMs };
    assert.equal(
      stallAfterMs(progress, prefillMs, 30_000),
      expected,
      `${[longestStepMs, prefillMs]}`,
    );
  }
});

Deno.test("an engine is moving if it has moved since the given time", () => {
  assert.equal(isMoving(NO_PROGRESS, 0), false);
  const progress = { ...NO_PROGRESS, movedAt: 5_000 };
  assert.deepEqual([4_999, 5_000, 5_001].map((since) => isMoving(progress, since)), [
    true,
    true,
    false,
  ]);
});

Deno.test("whatever scrapes show, no time is in the future and no step exceeds the observed time", () => {
  const page = fc.record({
    running: fc.nat(2),
    waiting: fc.nat(1),
    kvCacheUsage: fc.constantFrom(undefined, 0, 0.5),
    counters: fc.record({
      prompt: fc.nat(1),
      generation: fc.option(fc.nat(1), { nil: undefined }),
      prefixQueries: fc.constant(0),
      prefixHits: fc.constant(0),
    }),
    maxFds: fc.constant(undefined),
    ownInFlight: fc.nat(2),
  }, { requiredKeys: ["running", "waiting", "kvCacheUsage", "maxFds", "ownInFlight"] });
  const reading = fc.record({
    page: fc.option(page, { nil: undefined }),
    awaitingFirstToken: fc.nat(1),
    isStalled: fc.boolean(),
    afterMs: fc.nat(60_000),
  });
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 30 }), (readings) => {
      let progress = NO_PROGRESS;
      let now = 1_000_000;
      for (const { page, awaitingFirstToken, isStalled, afterMs } of readings) {
        now += afterMs;
        progress = afterScrape(progress, page, { awaitingFirstToken, isStalled }, now);
        const { seen, movedAt, noProgressSince, longestStepMs } = progress;
        assert.equal(seen, page);
        assert.ok(movedAt <= now);
        assert.ok(longestStepMs >= 0 && longestStepMs <= now - 1_000_000);
        const mayStandStill = page?.counters?.generation !== undefined &&
          page.running + page.waiting + awaitingFirstToken > 0;
        assert.equal(noProgressSince !== Infinity, mayStandStill);
        if (mayStandStill) assert.ok(noProgressSince <= now && noProgressSince >= movedAt);
        assert.ok(Number.isFinite(stallAfterMs(progress, 0, 30_000)));
      }
    }),
    { numRuns },
  );
});
