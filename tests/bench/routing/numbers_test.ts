import assert from "node:assert/strict";
import { poisson, rescaled } from "../../../bench/routing/arrivals.ts";
import {
  drawFrom,
  mean,
  quantile,
  type Quantiles,
  SHARES,
} from "../../../bench/routing/quantiles.ts";
import { figuresOf, sampleOf, summaryOf } from "../../../bench/routing/sample.ts";
import { VirtualClock } from "../../../bench/routing/virtual_clock.ts";
import { createRandom } from "../../../src/simulator/random.ts";

Deno.test("a quantile is the least value at or below which so large a share lies", () => {
  const sorted = Array.from({ length: 100 }, (_, index) => index + 1);
  assert.deepEqual([0, 0.5, 0.9, 0.99, 1].map((share) => quantile(sorted, share)), [
    1,
    50,
    90,
    99,
    100,
  ]);
  assert.equal(quantile([7], 0.99), 7);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

Deno.test("figures hold for values in any order", () => {
  const values = [30, 10, 20, 40];
  assert.deepEqual(figuresOf(values), { mean: 25, p50: 20, p90: 40, p99: 40 });
  assert.deepEqual(values, [30, 10, 20, 40]);
});

Deno.test("a summary counts what failed beside what was answered", () => {
  const samples = [sampleOf(10, 100, 10), sampleOf(30, 300, 1), sampleOf(20, 200, 8)];
  const { firstToken, total, perToken, failed } = summaryOf({ samples, failed: 3, hitRate: 0.5 });
  assert.deepEqual([firstToken.mean, total.mean, failed], [20, 200, 3]);
  assert.equal(perToken.mean, (10 + 300 + 25) / 3);
});

Deno.test("what is drawn has the quantiles it was drawn from", () => {
  const quantiles: Quantiles = [2, 31, 181, 212, 401, 1040, 1176, 2888, 4084, 4115, 14_050];
  const random = createRandom(1);
  const drawn = Array.from({ length: 50_000 }, () => drawFrom(quantiles, random))
    .sort((a, b) => a - b);
  assert.ok(drawn[0]! >= 2 && drawn.at(-1)! <= 14_050);
  for (const [index, share] of SHARES.entries()) {
    if (share === 0 || share === 1) continue;
    const ratio = quantile(drawn, share) / quantiles[index]!;
    assert.ok(ratio > 0.9 && ratio < 1.1, `${share}: ${ratio}`);
  }
});

Deno.test("random arrivals come as often as they are to, with gaps as of chance", () => {
  const moments = poisson(5, createRandom(3)).take(20_000).toArray();
  const gaps = moments.map((atMs, index) => atMs - (moments[index - 1] ?? 0));
  const average = mean(gaps);
  assert.ok(Math.abs(average - 200) < 5, `${average}`);
  const deviation = Math.sqrt(mean(gaps.map((gap) => (gap - average) ** 2)));
  assert.ok(Math.abs(deviation / average - 1) < 0.05, `${deviation}`);
  assert.ok(gaps.every((gap) => gap >= 0));
});

Deno.test("a trace's arrivals keep their pattern at another rate", () => {
  assert.deepEqual(rescaled([100, 200, 500], 1.5), [0, 500, 2000]);
  assert.deepEqual(rescaled([], 1), []);
});

Deno.test("virtual time calls timers in order, each at its time, unless they are cancelled", () => {
  const clock = new VirtualClock();
  const called: string[] = [];
  const note = (name: string) => () => called.push(`${name} ${clock.now()}`);
  clock.schedule(20, note("late"));
  clock.schedule(10, note("first"));
  clock.schedule(10, note("second"));
  const cancel = clock.schedule(15, note("never"));
  clock.schedule(12, () => {
    cancel();
    clock.schedule(5, note("past"));
  });
  clock.runWhile(() => true);
  assert.deepEqual(called, ["first 10", "second 10", "past 12", "late 20"]);
});

Deno.test("virtual time stands still when the condition ends", () => {
  const clock = new VirtualClock();
  let calls = 0;
  const again = () => {
    calls++;
    clock.schedule(clock.now() + 10, again);
  };
  again();
  clock.runWhile(() => calls < 5);
  assert.equal(clock.now(), 40);
});
