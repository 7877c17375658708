import assert from "node:assert/strict";
import {
  counterDeltas as deltasAt,
  prefillBefore,
} from "../../../src/fleet/estimate/counter_deltas.ts";
import type { TokenCounters } from "../../../src/fleet/estimate/load.ts";

/** A server that takes 0.5 s for a prompt of 1,000 tokens. */
const EXPECTED = {
  startSeconds: 0,
  secondsPerToken: 0.0005,
  growth: 0,
  secondsPerAnswerToken: 0.03,
};
const deltasOf = (before: TokenCounters, after: TokenCounters) => deltasAt(before, after, EXPECTED);

const BEFORE = {
  prompt: 1_000,
  generation: 100,
  prefixQueries: 1_000,
  prefixHits: 300,
  firstTokens: 5,
  firstTokenSeconds: 2,
  interTokens: 95,
  interTokenSeconds: 3,
};
const AFTER = {
  prompt: 9_000,
  generation: 300,
  prefixQueries: 9_000,
  prefixHits: 2_300,
  firstTokens: 6,
  firstTokenSeconds: 4,
  interTokens: 291,
  interTokenSeconds: 7,
};

Deno.test("counter deltas give the prompts and tokens between two scrapes", () => {
  assert.deepEqual(deltasOf(BEFORE, AFTER), {
    promptTokens: 8_000,
    firstTokens: 1,
    prefill: { tokens: 6_000, attended: 6_000 * 5_000, seconds: 2 },
    decode: { tokens: 196, seconds: 4 },
  });
});

Deno.test("without prefix cache counters, all tokens count as computed", () => {
  const [before, after] = [BEFORE, AFTER].map((one) => ({ ...one, prefixHits: undefined }));
  assert.deepEqual(deltasOf(before!, after!).prefill, {
    tokens: 8_000,
    attended: 8_000 * 4_000,
    seconds: 2,
  });
});

Deno.test("what a server counts as computed goes before what it found in its own cache", () => {
  const prefill = deltasOf({ ...BEFORE, computed: 500 }, { ...AFTER, computed: 1_500 }).prefill;
  assert.equal(prefill!.tokens, 1_000);
});

Deno.test("several prompts between scrapes give no prefill observation", () => {
  assert.equal(deltasOf(BEFORE, { ...AFTER, firstTokens: 7 }).prefill, undefined);
});

Deno.test("counters that didn't grow or are missing give no deltas", () => {
  const nothing = {
    promptTokens: undefined,
    firstTokens: undefined,
    prefill: undefined,
    decode: undefined,
  };
  const unknown = {
    prompt: undefined,
    generation: undefined,
    prefixQueries: undefined,
    prefixHits: undefined,
  };
  assert.deepEqual(deltasOf(BEFORE, BEFORE), { ...nothing, firstTokens: 0 });
  assert.deepEqual(deltasOf(AFTER, BEFORE), nothing, "a server that started anew");
  assert.deepEqual(deltasOf(unknown, AFTER), nothing);
  assert.deepEqual(deltasOf(BEFORE, unknown), nothing);
});

Deno.test("a server's reported times are limited to plausible ones", () => {
  const most = Number.MAX_SAFE_INTEGER;
  const zero = Object.fromEntries(Object.keys(BEFORE).map((name) => [name, 0])) as typeof BEFORE;
  const told = (after: Partial<typeof BEFORE>) =>
    deltasOf(zero, { ...zero, prefixHits: 0, firstTokens: 1, ...after });
  // Four times as long as expected, and some.
  assert.deepEqual(told({ prompt: 1_000, firstTokenSeconds: most }).prefill, {
    tokens: 1_000,
    attended: 1_000 * 500,
    seconds: 2.5,
  });
  const { tokens, seconds } = told({ prompt: most }).prefill!;
  assert.deepEqual({ tokens, seconds }, { tokens: 10_000, seconds: 0.01 });
  assert.deepEqual(told({ interTokens: most }).decode, { tokens: 10_000, seconds: 10 });
  assert.deepEqual(told({ interTokens: 1, interTokenSeconds: most }).decode, {
    tokens: 1,
    seconds: 5,
  });
  assert.deepEqual(told({ interTokens: 1_000_000, interTokenSeconds: 30_000 }).decode, {
    tokens: 10_000,
    seconds: 300,
  });
});

Deno.test("the first scrape tells the mean prompt so far, without what was cached", () => {
  const counters = {
    ...BEFORE,
    prompt: 40_000,
    prefixHits: 10_000,
    prefills: 10,
    prefillSeconds: 6,
  };
  assert.deepEqual(prefillBefore(counters), {
    tokens: 3_000,
    attended: 3_000 * 2_500,
    seconds: 0.6,
  });
});

Deno.test("a server that computed few prompts, or doesn't count them, tells nothing of the past", () => {
  const counters = { ...BEFORE, prompt: 40_000, prefixHits: 0 };
  assert.equal(prefillBefore(counters), undefined);
  assert.equal(prefillBefore({ ...counters, prefills: 3, prefillSeconds: 2 }), undefined);
  const cached = { ...counters, prefixHits: 40_000, prefills: 10, prefillSeconds: 2 };
  assert.equal(prefillBefore(cached), undefined);
  assert.equal(prefillBefore({ ...counters, prefills: 10, prefillSeconds: undefined }), undefined);
});
