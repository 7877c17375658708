import assert from "node:assert/strict";
import type { Scrape } from "../../src/fleet/load.ts";
import { afterScrape, NO_PROGRESS } from "../../src/fleet/stall.ts";

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
const SEEN = afterScrape(NO_PROGRESS, WORKING, 1_000);

Deno.test("the first page can't tell that an engine stands still", () => {
  assert.deepEqual(SEEN, { seen: WORKING, movedAt: 1_000 });
});

Deno.test("an engine with requests whose counters and cache don't move stands still", () => {
  assert.equal(afterScrape(SEEN, { ...WORKING }, 2_000), SEEN);
  const others = { ...WORKING, running: 5, waiting: 9, ownInFlight: 7 };
  assert.equal(afterScrape(SEEN, others, 2_000), SEEN, "more requests are no progress");
});

for (
  const [what, scrape] of [
    ["made a token", { ...WORKING, counters: { ...counters, generation: 51 } }],
    ["read a prompt", { ...WORKING, counters: { ...counters, prompt: 101 } }],
    ["was started anew", { ...WORKING, counters: { ...counters, prompt: 0, generation: 0 } }],
    ["fills its cache with a long prompt", { ...WORKING, kvCacheUsage: 0.51 }],
    ["runs nothing", { ...WORKING, running: 0 }],
    ["only has a queue", { ...WORKING, running: 0, waiting: 3 }],
    ["shows only prompts", { ...WORKING, counters: { ...counters, generation: undefined } }],
    ["shows nothing", undefined],
  ] satisfies [string, Page | undefined][]
) {
  Deno.test(`an engine that ${what} does not stand still`, () => {
    assert.deepEqual(afterScrape(SEEN, scrape, 2_000), { seen: scrape, movedAt: 2_000 });
  });
}

Deno.test("an engine that never shows a counter is never said to stand still", () => {
  const { counters: _, ...blind } = WORKING;
  let progress = NO_PROGRESS;
  for (const now of [1, 2, 3]) progress = afterScrape(progress, blind, now);
  assert.equal(progress.movedAt, 3);
});
