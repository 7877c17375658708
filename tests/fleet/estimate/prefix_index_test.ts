import assert from "node:assert/strict";
import fc from "fast-check";
import { createPrefixIndex, type PrefixIndex } from "../../../src/fleet/estimate/prefix_index.ts";
import { numRuns } from "../../support/property.ts";

Deno.test("a match counts the leading blocks that a server has seen", () => {
  const index = createPrefixIndex(100);
  index.remember(0, [1, 2, 3]);
  index.remember(1, [1, 2, 7]);
  index.remember(2, [2, 3]);
  const matched = index.match([1, 2, 3, 4]);
  assert.deepEqual([0, 1, 2, 3].map(matched), [3, 2, 0, 0]);
  assert.deepEqual([0, 1, 2].map(index.match([])), [0, 0, 0]);
  assert.deepEqual([0, 1, 2].map(index.match([9, 1])), [0, 0, 0]);
});

Deno.test("a match doesn't change when the index changes", () => {
  const index = createPrefixIndex(100);
  index.remember(0, [1, 2, 3]);
  const matched = index.match([1, 2, 3]);
  index.forget(0);
  assert.equal(matched(0), 3);
  assert.equal(index.match([1, 2, 3])(0), 0);
});

for (const slot of [31, 32, 63, 64, 65, 199]) {
  Deno.test(`a server in slot ${slot} is distinct from those 32 and 64 slots away`, () => {
    const index = createPrefixIndex(100);
    index.remember(slot, [1, 2]);
    index.remember(3, [1]);
    const matched = index.match([1, 2]);
    for (const other of [slot - 1, slot + 1, slot + 32, slot + 64, slot % 32, slot % 64]) {
      if (other !== slot && other !== 3) assert.equal(matched(other), 0, `slot ${other}`);
    }
    assert.deepEqual([matched(slot), matched(3)], [2, 1]);
  });
}

/** Records a prompt that was sent to a server and computed there. */
function compute(index: PrefixIndex, slot: number, blocks: readonly number[]): void {
  index.remember(slot, blocks);
  index.confirm(slot, blocks);
}

Deno.test("a server beyond its limit evicts the least recently used blocks", () => {
  const index = createPrefixIndex(100);
  index.limit(0, 3);
  for (const block of [1, 2, 3, 1, 4]) compute(index, 0, [block]);
  assert.deepEqual([1, 2, 3, 4].map((block) => index.match([block])(0)), [1, 0, 1, 1]);
  assert.equal(index.size(0), 3);
  index.limit(0, 1);
  assert.deepEqual([1, 3, 4].map((block) => index.match([block])(0)), [0, 0, 1]);
});

Deno.test("a prompt's end is evicted before its beginning, and an oversized prompt keeps its beginning", () => {
  const index = createPrefixIndex(100);
  index.limit(0, 4);
  compute(index, 0, [1, 2, 3, 4]);
  compute(index, 0, [11, 12]);
  assert.deepEqual([index.match([1, 2, 3, 4])(0), index.match([11, 12])(0)], [2, 2]);
  compute(index, 0, [21, 22, 23, 24, 25, 26]);
  assert.equal(index.match([21, 22, 23, 24, 25, 26])(0), 4);
});

Deno.test("a refused prompt of any length evicts nothing", () => {
  const index = createPrefixIndex(100);
  index.limit(0, 4);
  compute(index, 0, [1, 2, 3, 4]);
  const refused = [21, 22, 23, 24, 25, 26];
  index.remember(0, refused);
  assert.deepEqual([index.match([1, 2, 3, 4])(0), index.match(refused)(0)], [4, 6]);
  index.withdraw(0, refused);
  assert.deepEqual([index.match([1, 2, 3, 4])(0), index.size(0)], [4, 4]);
});

Deno.test("a failed prompt loses its new blocks and keeps the others", () => {
  const index = createPrefixIndex(100);
  index.remember(0, [1, 2]);
  index.confirm(0, [1, 2]);
  index.remember(0, [1, 2, 3, 4]);
  assert.equal(index.match([1, 2, 3, 4])(0), 4, "by promise");
  index.withdraw(0, [1, 2, 3, 4]);
  index.withdraw(0, [1, 2, 3, 4]);
  assert.equal(index.match([1, 2, 3, 4])(0), 2);
  assert.equal(index.size(0), 2);
});

Deno.test("a failed prompt removes no blocks of a prompt with the same prefix", () => {
  const index = createPrefixIndex(100);
  const [one, other] = [[1, 2, 3], [1, 2, 3, 4, 5]];
  for (const endsFirst of ["one", "other"]) {
    index.remember(0, one);
    index.remember(0, other);
    if (endsFirst === "other") index.confirm(0, other);
    index.withdraw(0, one);
    if (endsFirst === "one") index.confirm(0, other);
    assert.equal(index.match(other)(0), 5, `${endsFirst} ended first`);
    index.withdraw(0, other);
    assert.equal(index.match(other)(0), 5, "what is confirmed stays");
    index.forget(0);
    assert.equal(index.size(0), 0);
  }
});

Deno.test("one server's eviction doesn't affect another", () => {
  const index = createPrefixIndex(100);
  for (const slot of [0, 40]) index.remember(slot, [1, 2]);
  index.forget(0);
  assert.deepEqual([index.size(0), index.size(40)], [0, 2]);
  assert.deepEqual([0, 40].map(index.match([1, 2])), [0, 2]);
});

Deno.test("constantly used blocks stay, although they are moved only occasionally", () => {
  const index = createPrefixIndex(1_000);
  index.limit(0, 80);
  for (let prompt = 0; prompt < 500; prompt++) {
    compute(index, 0, [1, 2, 3, 1_000 + 2 * prompt, 1_001 + 2 * prompt]);
    assert.equal(index.match([1, 2, 3])(0), 3);
  }
  assert.equal(index.size(0), 80);
});

Deno.test("all servers together stay within the cap", () => {
  const index = createPrefixIndex(10);
  index.remember(0, [1, 2, 3, 4, 5, 6]);
  index.remember(1, [11, 12, 13, 14, 15, 16]);
  assert.ok(index.size(0) + index.size(1) <= 10);
  index.remember(0, [21, 22]);
  assert.ok(index.size(0) + index.size(1) <= 10);
});

Deno.test("at the cap, the server with the most blocks makes room", () => {
  const index = createPrefixIndex(10);
  index.remember(0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  index.remember(1, [11, 12, 13, 14]);
  assert.deepEqual([index.size(0), index.size(1)], [6, 4]);
  index.remember(1, [15]);
  assert.deepEqual([index.size(0), index.size(1)], [5, 5]);
});

/** Prompts of 100 distinct blocks each. */
function prompts(count: number, first = 0): number[][] {
  return Array.from(
    { length: count },
    (_, prompt) => Array.from({ length: 100 }, (_, i) => first + 100 * prompt + i),
  );
}

Deno.test("a much lower limit is enforced in steps, so that no call takes long", () => {
  const index = createPrefixIndex(100_000);
  for (const prompt of prompts(100)) compute(index, 0, prompt);
  const sizes = [index.size(0)];
  for (let scrape = 0; scrape < 30; scrape++) {
    index.limit(0, 100);
    sizes.push(index.size(0));
  }
  assert.deepEqual([sizes[0], sizes.at(-1)], [10_000, 100]);
  sizes.slice(1).forEach((size, i) =>
    assert.ok(sizes[i]! - size <= 1_000, `${size} after ${sizes[i]}`)
  );
  const [last] = prompts(1, 9_900);
  assert.equal(index.match(last!)(0), 100, "those longest unused left");
});

Deno.test("forgotten blocks no longer match at once and are removed later", () => {
  const index = createPrefixIndex(30_000);
  const [old, others, young] = [prompts(100), prompts(100, 10_000), prompts(200, 5_000)];
  for (const prompt of old) compute(index, 0, prompt);
  for (const prompt of others) compute(index, 1, prompt);
  for (let again = 0; again < 3; again++) {
    index.forget(0);
    assert.equal(index.size(0), 0);
    for (const prompt of [...old, ...young]) assert.equal(index.match(prompt)(0), 0);
    for (const prompt of young) compute(index, 0, prompt);
    for (const prompt of young) assert.equal(index.match(prompt)(0), 100);
    for (const prompt of others) assert.equal(index.match(prompt)(1), 100);
    assert.deepEqual([index.size(0), index.size(1)], [20_000, 10_000]);
  }
});

/** A naive reference implementation of the index. */
function naive(mostBlocks: number) {
  const used = new Map<number, number[]>();
  const limits = new Map<number, number>();
  const puts: { slot: number; block: number }[] = [];
  const promised = new Map<number, Set<number>>();
  const of = (slot: number) => used.get(slot) ?? [];
  const total = () => [...used.values()].reduce((sum, blocks) => sum + blocks.length, 0);
  const promisedOf = (slot: number) => promised.get(slot) ?? new Set();
  const trim = (slot: number) => {
    while (of(slot).length > (limits.get(slot) ?? Infinity)) of(slot).shift();
  };
  const trimAll = (slot: number) => {
    const overflow = total() - mostBlocks;
    // Among equals the one at work, then the first.
    const [largest] = [slot, ...[...used.keys()].sort((a, b) => a - b)]
      .sort((a, b) => of(b).length - of(a).length);
    for (let i = 0; i < overflow; i++) of(largest!).shift();
  };
  const model = {
    remember(slot: number, blocks: readonly number[]) {
      const recent = Math.floor(Math.min(limits.get(slot) ?? Infinity, mostBlocks) / 8);
      for (const block of blocks.toReversed()) {
        // The last that were put, whichever of them are still there.
        const last = puts.filter((put) => put.slot === slot).slice(-recent || Infinity);
        if (of(slot).includes(block) && last.some((put) => put.block === block)) continue;
        if (!of(slot).includes(block)) promised.set(slot, promisedOf(slot).add(block));
        used.set(slot, [...of(slot).filter((other) => other !== block), block]);
        puts.push({ slot, block });
      }
      trimAll(slot);
    },
    confirm(slot: number, blocks: readonly number[]) {
      if (!blocks.every((block) => of(slot).includes(block))) model.remember(slot, blocks);
      for (const block of blocks) promisedOf(slot).delete(block);
      trim(slot);
    },
    withdraw(slot: number, blocks: readonly number[]) {
      const gone = blocks.filter((block) => promisedOf(slot).has(block));
      used.set(slot, of(slot).filter((block) => !gone.includes(block)));
    },
    forget: (slot: number) => void used.delete(slot),
    limit(slot: number, blocks: number) {
      limits.set(slot, blocks);
      trim(slot);
    },
    size: (slot: number) => of(slot).length,
    match(slot: number, blocks: readonly number[]) {
      const missing = blocks.findIndex((block) => !of(slot).includes(block));
      return missing === -1 ? blocks.length : missing;
    },
    total,
  };
  return model;
}

Deno.test("under any operations the index behaves like a naive one", () => {
  const slots = [0, 1, 31, 32, 63, 64, 70];
  const slot = fc.constantFrom(...slots);
  // Few values of either sign, so that they collide.
  const blocks = fc.array(fc.integer({ min: -4, max: 4 }), { maxLength: 8 });
  const event = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constantFrom("remember" as const, "confirm" as const, "withdraw" as const),
        slot,
        blocks,
      }),
    },
    fc.record({ do: fc.constant("forget" as const), slot }),
    fc.record({ do: fc.constant("limit" as const), slot, most: fc.nat(6) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), fc.nat(30), blocks, (events, most, asked) => {
      const index = createPrefixIndex(most);
      const model = naive(most);
      for (const event of events) {
        for (const each of [index, model]) {
          if (event.do === "forget") each.forget(event.slot);
          else if (event.do === "limit") each.limit(event.slot, event.most);
          else each[event.do](event.slot, event.blocks);
        }
        const matched = index.match(asked);
        for (const slot of slots) {
          assert.equal(index.size(slot), model.size(slot));
          assert.equal(matched(slot), model.match(slot, asked), `slot ${slot}`);
        }
        assert.ok(model.total() <= most);
      }
    }),
    { numRuns },
  );
});

Deno.test("touched blocks are evicted last, and those that were evicted don't come back", () => {
  const index = createPrefixIndex(1_000);
  index.limit(0, 4);
  compute(index, 0, [1, 2]);
  compute(index, 0, [3, 4]);
  index.touch(0, [1, 2, 99]);
  assert.equal(index.size(0), 4);
  compute(index, 0, [5, 6]);
  assert.deepEqual([[1, 2], [3, 4], [5, 6], [99]].map((one) => index.match(one)(0)), [2, 0, 2, 0]);
});

Deno.test("a server's confirmed blocks are gone through from the most recently used one", () => {
  const index = createPrefixIndex(100);
  compute(index, 0, [1, 2, 3]);
  compute(index, 0, [11, 12]);
  index.limit(0, 8);
  for (let block = 21; block < 24; block++) compute(index, 0, [block]);
  index.touch(0, [1, 2]);
  index.remember(0, [31, 32]);
  compute(index, 1, [41]);
  assert.deepEqual([...index.recent(0)], [1, 2, 23, 22, 21, 11, 12, 3]);
  assert.deepEqual([...index.recent(1)], [41]);
  assert.deepEqual([...index.recent(2)], []);
});

Deno.test("blocks that come, move and go during a walk neither end it nor lead it astray", () => {
  const changes = fc.array(
    fc.record({
      after: fc.nat(20),
      slot: fc.nat(1),
      what: fc.constantFrom("compute", "touch", "forget", "shrink" as const),
      block: fc.nat(40),
    }),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(40), { maxLength: 30 }), changes, (blocks, changes) => {
      const index = createPrefixIndex(100);
      index.limit(0, 16);
      compute(index, 0, blocks);
      compute(index, 1, [100, 101]);
      const before = [...index.recent(0)];
      const walked: number[] = [];
      const touched = new Set<number>();
      for (const block of index.recent(0)) {
        walked.push(block);
        for (const { slot, what, block, after } of changes) {
          if (after !== walked.length) continue;
          touched.add(block);
          if (what === "compute") compute(index, slot, [block]);
          else if (what === "touch") index.touch(slot, [block]);
          else if (what === "forget") index.forget(slot);
          else index.limit(slot, block);
        }
      }
      const removes = changes.some(({ what }) => what !== "touch");
      assert.deepEqual(walked, before.filter((block) => walked.includes(block)), "the order");
      if (!removes) {
        for (const block of before) {
          assert.ok(walked.includes(block) || touched.has(block), `${block} was left out`);
        }
      }
    }),
    { numRuns },
  );
});
