import assert from "node:assert/strict";
import fc from "fast-check";
import { GROWTHS, prefillOf } from "../../../src/fleet/estimate/attention.ts";
import {
  latencyModelOf as modelAt,
  NOTHING_SEEN,
  type Seen,
  withDecode,
  withPrefill,
} from "../../../src/fleet/estimate/latency_model.ts";
import { numRuns } from "../../support/property.ts";
import { seeded } from "../../support/random.ts";

/** The model if all tokens of a prompt cost the same. */
const latencyModelOf = (own: Seen, all: Seen) => modelAt(own, all, 0);

/** Observations of a server that gets a prompt every 100 ms. */
function seenOf(
  times: number,
  { perToken = 1e-4, start = 0.04, perAnswerToken = 0.03, seen = NOTHING_SEEN, seed = 1 } = {},
): Seen {
  const random = seeded(seed);
  for (let i = 0; i < times; i++) {
    const tokens = 100 + Math.floor(random() * 8_000);
    const prefill = { tokens, seconds: start + perToken * tokens };
    seen = withPrefill(seen, whole(prefill), i * 100);
    const decode = { tokens: 100, seconds: 100 * perAnswerToken };
    seen = withDecode(seen, decode, i * 100);
  }
  return seen;
}

/** A prompt of which nothing is cached. */
function whole({ tokens, seconds }: { readonly tokens: number; readonly seconds: number }) {
  return { ...prefillOf(tokens, tokens), seconds };
}

const isNear = (value: number, aim: number, share: number) =>
  assert.ok(Math.abs(value - aim) <= share * aim, `${value} is to be about ${aim}`);

Deno.test("without observations the prior applies", () => {
  const latency = latencyModelOf(NOTHING_SEEN, NOTHING_SEEN);
  isNear(latency.secondsPerToken, 1e-4, 0.01);
  isNear(latency.startSeconds, 0.04, 0.01);
  isNear(latency.secondsPerAnswerToken, 0.03, 0.01);
});

Deno.test("a new server is expected to be as fast as the others", () => {
  const all = seenOf(300, { perToken: 4e-4, start: 0.2, perAnswerToken: 0.08 });
  const latency = latencyModelOf(NOTHING_SEEN, all);
  isNear(latency.secondsPerToken, 4e-4, 0.1);
  isNear(latency.startSeconds, 0.2, 0.1);
  isNear(latency.secondsPerAnswerToken, 0.08, 0.1);
});

Deno.test("a server half as fast as the others is recognised within twenty requests", () => {
  const all = seenOf(300);
  const half = seenOf(20, { perToken: 2e-4, perAnswerToken: 0.06, seed: 2 });
  const latency = latencyModelOf(half, all);
  isNear(latency.secondsPerToken, 2e-4, 0.15);
  isNear(latency.secondsPerAnswerToken, 0.06, 0.15);
});

Deno.test("a slow server that got only short prompts is expected to be slow with long ones", () => {
  const all = seenOf(300);
  const random = seeded(3);
  let slow = NOTHING_SEEN;
  for (let i = 0; i < 20; i++) {
    const tokens = 200 + Math.floor(50 * random());
    const seconds = (0.04 + 1e-4 * tokens) * (2.7 + 0.6 * random());
    slow = withPrefill(slow, whole({ tokens, seconds }), i * 100);
  }
  const { startSeconds, secondsPerToken } = latencyModelOf(slow, all);
  isNear(startSeconds + 8_000 * secondsPerToken, 3 * 0.84, 0.25);
});

Deno.test("a server's own observations outweigh shared ones as their number grows", () => {
  const all = seenOf(300);
  const missed = [1, 5, 20, 100].map((times) => {
    const own = seenOf(times, { perAnswerToken: 0.06 });
    return 0.06 - latencyModelOf(own, all).secondsPerAnswerToken;
  });
  assert.deepEqual(missed, missed.toSorted((a, b) => b - a));
  assert.ok(missed.at(-1)! < 0.002);
});

Deno.test("prompts of similar length give a plausible estimate for a long one", () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = seeded(seed);
    let seen = NOTHING_SEEN;
    for (let i = 0; i < 2_000; i++) {
      const tokens = 1_000 + Math.floor(3 * random());
      const prefill = { tokens, seconds: 0.1 + 0.08 * random() };
      seen = withPrefill(seen, whole(prefill), i * 50);
    }
    const { secondsPerToken, startSeconds } = latencyModelOf(seen, seen);
    isNear(secondsPerToken, 1e-4, 0.2);
    isNear(startSeconds + 1_000 * secondsPerToken, 0.14, 0.05);
  }
});

Deno.test("a latency model stays within its bounds, whatever was observed", () => {
  const observation = fc.record({
    kind: fc.constantFrom<keyof Seen>("prefill", "decode"),
    tokens: fc.integer({ min: 1, max: 1_000_000 }),
    seconds: fc.double({ min: 0, max: 1_000, noNaN: true }),
    at: fc.nat(10_000_000),
  });
  const seen = fc.array(observation, { maxLength: 20 }).map((all) =>
    all.reduce<Seen>(
      (seen, { kind, at, ...one }) =>
        kind === "decode" ? withDecode(seen, one, at) : withPrefill(seen, whole(one), at),
      NOTHING_SEEN,
    )
  );
  fc.assert(
    fc.property(seen, seen, (own, all) => {
      const { secondsPerToken, startSeconds, secondsPerAnswerToken } = latencyModelOf(own, all);
      assert.ok(secondsPerToken >= 1e-6 && secondsPerToken <= 0.02, `${secondsPerToken}`);
      assert.ok(startSeconds >= 0 && startSeconds <= 10, `${startSeconds}`);
      assert.ok(secondsPerAnswerToken >= 0.001 && secondsPerAnswerToken <= 5);
    }),
    { numRuns },
  );
});

Deno.test("the first observations outweigh the prior, however far it is off", () => {
  for (const times of [0.1, 20]) {
    const seen = withPrefill(NOTHING_SEEN, whole({ tokens: 2_000, seconds: 0.24 * times }), 0);
    const { startSeconds, secondsPerToken } = latencyModelOf(seen, seen);
    isNear(startSeconds + 2_000 * secondsPerToken, 0.24 * times, 0.25);
    isNear(secondsPerToken, 1e-4 * times, 0.4);
  }
});

Deno.test("a prefill that slows with length is fitted where that is what is assumed", () => {
  const place = GROWTHS.indexOf(1 / 4_096);
  let seen = NOTHING_SEEN;
  const secondsOf = (tokens: number) => 0.05 + 4e-4 * (tokens + tokens ** 2 / 2 / 4_096);
  for (let i = 0; i < 100; i++) {
    const tokens = 500 + 90 * i;
    seen = withPrefill(seen, whole({ tokens, seconds: secondsOf(tokens) }), i * 100);
  }
  const { growth, secondsPerToken, startSeconds } = modelAt(seen, seen, place);
  assert.equal(growth, 1 / 4_096);
  isNear(secondsPerToken, 4e-4, 0.02);
  isNear(startSeconds, 0.05, 0.3);
});
