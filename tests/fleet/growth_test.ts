import assert from "node:assert/strict";
import { growthOf } from "../../src/fleet/growth.ts";

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

Deno.test("counters tell of the prompts and tokens between two scrapes", () => {
  assert.deepEqual(growthOf(BEFORE, AFTER), {
    promptTokens: 8_000,
    firstTokens: 1,
    prefill: { tokens: 6_000, seconds: 2 },
    decode: { tokens: 196, seconds: 4 },
  });
});

Deno.test("where a server doesn't say what its cache had, it computed all", () => {
  const unsaid = { ...AFTER, prefixHits: undefined };
  assert.deepEqual(growthOf(BEFORE, unsaid).prefill, { tokens: 8_000, seconds: 2 });
});

Deno.test("prompts that waited for one another don't tell how long one takes", () => {
  assert.equal(growthOf(BEFORE, { ...AFTER, firstTokens: 7 }).prefill, undefined);
});

Deno.test("what didn't grow, or isn't told, tells nothing", () => {
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
  assert.deepEqual(growthOf(BEFORE, BEFORE), { ...nothing, firstTokens: 0 });
  assert.deepEqual(growthOf(AFTER, BEFORE), nothing, "a server that started anew");
  assert.deepEqual(growthOf(unknown, AFTER), nothing);
  assert.deepEqual(growthOf(BEFORE, unknown), nothing);
});
