import assert from "node:assert/strict";
import fc from "fast-check";
import { loadNow, type Scrape } from "../../../src/fleet/estimate/load.ts";
import { numRuns } from "../../support/property.ts";

function scrapeOf(
  running: number | undefined,
  waiting: number,
  ownInFlight: number,
): Scrape {
  return {
    running,
    waiting,
    ownInFlight,
    kvCacheUsage: undefined,
    maxFds: undefined,
    at: 0,
  };
}

for (
  const [what, own, capacity, scrape, expected] of [
    ["an idle server", 0, 4, scrapeOf(0, 0, 0), [0, 0, 0]],
    ["own requests alone", 2, 4, undefined, [2, 0, 0.5]],
    ["more own requests than seats", 6, 4, undefined, [6, 0, 1.5]],
    ["own requests that the scrape saw", 2, 4, scrapeOf(2, 0, 2), [2, 0, 0.5]],
    [
      "own requests sent since the scrape",
      3,
      4,
      scrapeOf(1, 0, 1),
      [3, 0, 0.75],
    ],
    ["own requests ended since the scrape", 0, 4, scrapeOf(3, 0, 3), [0, 0, 0]],
    ["others' requests", 0, 4, scrapeOf(3, 0, 0), [3, 0, 0.75]],
    ["others' beside own", 2, 8, scrapeOf(5, 0, 2), [5, 0, 0.625]],
    ["a page that lags behind own", 4, 8, scrapeOf(1, 0, 4), [4, 0, 0.5]],
    ["a queue", 6, 4, scrapeOf(4, 2, 6), [4, 2, 1.25]],
    ["a queue of others", 0, 4, scrapeOf(4, 6, 0), [4, 6, 1.75]],
    ["a queue that has shortened", 3, 4, scrapeOf(4, 2, 6), [3, 0, 0.75]],
    ["a queue before an empty batch", 0, 4, scrapeOf(0, 2, 0), [0, 2, 0.25]],
    ["a queue before an unknown batch", 6, 4, scrapeOf(undefined, 2, 6), [4, 2, 1.25]],
    ["others' queue before an unknown batch", 0, 4, scrapeOf(undefined, 2, 0), [0, 2, 0.25]],
    ["own requests in an unknown batch", 3, 4, scrapeOf(undefined, 0, 3), [3, 0, 0.75]],
  ] as const
) {
  Deno.test(`the load of ${what}`, () => {
    const { running, waiting, load } = loadNow(own, capacity, scrape);
    assert.deepEqual([running, waiting, load], expected);
  });
}

const count = fc.nat(200);
const capacity = fc.integer({ min: 1, max: 64 });
const scrape = fc.option(
  fc.tuple(count, count, count).map((counts) => scrapeOf(...counts)),
  { nil: undefined },
);

Deno.test("one more own request always raises the load", () => {
  fc.assert(
    fc.property(count, capacity, scrape, (own, capacity, scrape) => {
      assert.ok(
        loadNow(own + 1, capacity, scrape).load >
          loadNow(own, capacity, scrape).load,
      );
    }),
    { numRuns },
  );
});

Deno.test("a larger capacity never raises the load", () => {
  fc.assert(
    fc.property(count, capacity, scrape, (own, capacity, scrape) => {
      assert.ok(
        loadNow(own, capacity + 1, scrape).load <=
          loadNow(own, capacity, scrape).load,
      );
    }),
    { numRuns },
  );
});

Deno.test("no scrape hides an own request, and the load follows the original router's formula", () => {
  fc.assert(
    fc.property(count, capacity, scrape, (own, capacity, scrape) => {
      const { running, waiting, load } = loadNow(own, capacity, scrape);
      assert.ok(running >= 0 && waiting >= 0);
      assert.ok(running + waiting >= own);
      assert.equal(load, (running + 0.5 * waiting) / capacity);
    }),
    { numRuns },
  );
});

Deno.test("requests in a scrape beyond own ones count as other clients'", () => {
  fc.assert(
    fc.property(count, count, capacity, (own, others, capacity) => {
      const scrape = scrapeOf(own + others, 0, own);
      assert.equal(loadNow(own, capacity, scrape).running, own + others);
      assert.equal(loadNow(0, capacity, scrape).running, others);
    }),
    { numRuns },
  );
});

Deno.test("requests count as waiting only if the scrape showed a queue", () => {
  fc.assert(
    fc.property(count, count, count, (own, running, ownThen) => {
      assert.equal(
        loadNow(own, 4, scrapeOf(running, 0, ownThen)).waiting,
        0,
      );
    }),
    { numRuns },
  );
});
