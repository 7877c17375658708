import assert from "node:assert/strict";
import { KvCache } from "../../../src/simulator/engine/kv_cache.ts";
import { test } from "../helpers.ts";

test("the least recently used block is evicted first, and a prefix from its end", () => {
  const cache = new KvCache(4);
  const blocks = cache.take(3);
  blocks.forEach((block, index) => cache.remember(block, index + 1));
  cache.release(blocks);
  assert.equal(cache.usedBlocks, 0);
  assert.deepEqual(cache.findPrefix([1, 2, 3], 3), blocks);
  const taken = cache.take(2); // the block never used, then the end of the prefix
  assert.deepEqual(cache.findPrefix([1, 2, 3], 3), blocks.slice(0, 2));
  cache.release(taken);
});

test("a shared block is free only after its last release", () => {
  const cache = new KvCache(2);
  const blocks = cache.take(1);
  cache.remember(blocks[0]!, 1);
  cache.share(blocks);
  cache.release(blocks);
  assert.equal(cache.usedBlocks, 1);
  cache.release(blocks);
  assert.equal(cache.usedBlocks, 0);
});
