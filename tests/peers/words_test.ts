import assert from "node:assert/strict";
import fc from "fast-check";
import { MOST_TOLD_BLOCKS, type PeerEvent, serverHash } from "../../src/fleet/peers/event.ts";
import {
  eventsLine,
  helloLine,
  MOST_EVENTS,
  parseLine,
  PEER_VERSION,
  spentLine,
} from "../../src/peers/words.ts";
import { numRuns } from "../support/property.ts";
import { sentEventOf } from "../support/peers.ts";

const hash32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const event: fc.Arbitrary<PeerEvent> = fc.oneof(
  fc.record({
    id: fc.nat(),
    server: fc.webUrl().map(serverHash),
    promptTokens: fc.integer({ min: 1_000, max: 100_000 }),
    ownTokens: fc.nat(1_000),
    stream: fc.boolean(),
    queued: fc.boolean(),
    computed: fc.boolean(),
    expectedMs: fc.nat(10_000),
    ageMs: fc.nat(10_000),
    session: fc.option(hash32, { nil: undefined }),
    blocks: fc.array(hash32),
  }).map((fields) => ({ kind: "sent" as const, ...fields })),
  fc.nat().map((id) => ({ kind: "computed" as const, id })),
  fc.record({ id: fc.nat(), blocks: fc.array(hash32) })
    .map((fields) => ({ kind: "ended" as const, ...fields })),
);

Deno.test("a line of events is read as it was written", () => {
  fc.assert(
    fc.property(fc.array(event), (events) => {
      assert.deepEqual(parseLine(eventsLine(events)), { events });
    }),
    { numRuns },
  );
});

Deno.test("a hello is read as it was written", () => {
  assert.deepEqual(parseLine(helloLine("a-1")), {
    hello: { version: PEER_VERSION, hashing: 1, instance: "a-1" },
  });
});

Deno.test("any line is read or refused, and its numbers stay within bounds", () => {
  const raw = fc.oneof(
    fc.string(),
    fc.json(),
    fc.array(
      fc.tuple(
        fc.constantFrom("s", "c", "e", "x", null),
        fc.anything(),
        fc.anything(),
        fc.anything(),
        fc.double(),
        fc.double(),
        fc.double(),
        fc.anything(),
        fc.anything(),
        fc.anything(),
      ),
    ).map((events) => JSON.stringify(events, (_, v) => typeof v === "bigint" ? `${v}` : v)),
  );
  fc.assert(
    fc.property(raw, (line) => {
      const words = parseLine(line);
      if (!words || "hello" in words || "spent" in words) return;
      for (const event of words.events) {
        assert.ok(Number.isSafeInteger(event.id) && event.id >= 0);
        if (event.kind === "computed") continue;
        assert.ok(event.blocks.length <= MOST_TOLD_BLOCKS);
        if (event.kind === "ended") continue;
        assert.ok(event.promptTokens >= 0 && event.promptTokens <= 10_000_000);
        assert.ok(event.ownTokens >= 0 && event.ownTokens <= event.promptTokens);
        assert.ok(event.ageMs >= 0 && event.ageMs <= 3_600_000);
      }
    }),
    { numRuns },
  );
});

Deno.test("what is spent of limits is read within bounds, and the rest of a line is left out", () => {
  const spent = [[1, 0], [2 ** 52, 1_000_000]] as const;
  assert.deepEqual(parseLine(spentLine(spent)), { spent });
  const odd = [[1, -5], [2, 1e300], [3, "7"], [4], ["5", 5], [-1, 5], [1.5, 5], null, {}, [6, 2.4]];
  assert.deepEqual(parseLine(JSON.stringify({ spent: odd })), {
    spent: [[1, 0], [2, 1e12], [3, 0], [4, 0], [6, 2]],
  });
  const many = Array.from({ length: 10_000 }, (_, at) => [at, 1] as const);
  const words = parseLine(spentLine(many));
  assert.ok(words && "spent" in words && words.spent.length === MOST_EVENTS);
  assert.equal(parseLine('{"spent":{}}'), undefined);
});

Deno.test("a long prompt's further blocks are left out", () => {
  const blocks = Array.from({ length: 5_000 }, (_, at) => at);
  const words = parseLine(eventsLine([sentEventOf({ blocks })]));
  assert.ok(words && "events" in words);
  assert.deepEqual(words.events, [sentEventOf({ blocks: blocks.slice(0, MOST_TOLD_BLOCKS) })]);
});

Deno.test("servers at different addresses have different hashes", () => {
  const urls = Array.from(
    { length: 100_000 },
    (_, at) => `http://10.0.${at >> 8}.${at & 255}:8000`,
  );
  assert.equal(new Set(urls.map(serverHash)).size, urls.length);
});
