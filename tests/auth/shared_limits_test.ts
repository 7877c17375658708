import assert from "node:assert/strict";
import fc from "fast-check";
import { createSharedLimits } from "../../src/auth/shared_limits.ts";
import { createKeyLimits } from "../../src/auth/key_limits.ts";
import { limitHash, limitId } from "../../src/auth/limit_ids.ts";
import type { ApiKey } from "../../src/config/config.ts";
import { keyOf } from "../support/access.ts";
import { numRuns } from "../support/property.ts";
import { simulateSharing, STEP_MS } from "../support/shared_limits.ts";

const MINUTE_MS = 60_000;
/** Traffic: pauses, and how many requests come to each router after each of them. */
const traffic = (routers: number, most: number) =>
  fc.array(
    fc.tuple(
      fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 }), fc.nat(1_500)),
      fc.array(fc.oneof(fc.constant(0), fc.nat(5), fc.nat(most)), {
        minLength: routers,
        maxLength: routers,
      }),
    ),
    { minLength: 1, maxLength: 80 },
  );

const delay = fc.constantFrom(0, 20, 100);
const runs = { numRuns: Math.ceil(numRuns / 20) };

/** Asserts that what was taken within each window is at most so much. */
function assertWithin(
  taken: readonly { at: number; amount: number }[],
  windowMs: number,
  most: number,
): void {
  let first = 0;
  let sum = 0;
  for (const { at, amount } of taken) {
    sum += amount;
    while (taken[first]!.at <= at - windowMs) sum -= taken[first++]!.amount;
    assert.ok(sum <= most, `${sum} of ${most}`);
  }
}

for (const count of [2, 4]) {
  Deno.test(`requests a minute hold over ${count} routers, within one request of each further router`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        delay,
        traffic(count, 200),
        (requestsPerMinute, delayMs, bursts) => {
          const key = keyOf("k", { requestsPerMinute });
          const { state, routers, pass } = simulateSharing(count, key, delayMs);
          const taken: { at: number; amount: number }[] = [];
          for (const [pauseMs, wanted] of bursts) {
            pass(pauseMs * STEP_MS);
            for (const [at, router] of routers.entries()) {
              for (let i = 0; i < wanted[at]!; i++) {
                const { caller } = router.keyring.enter(key);
                if (!caller) break;
                taken.push({ at: state.now, amount: 1 });
                caller.leave();
              }
            }
          }
          assertWithin(taken, MINUTE_MS, requestsPerMinute + count - 1);
        },
      ),
      runs,
    );
  });

  for (
    const [name, limit, windowMs] of [
      ["tokensPerMinute", 10_000, MINUTE_MS],
      ["tokensPerDay", 100_000, 24 * 60 * MINUTE_MS],
    ] as const
  ) {
    Deno.test(`${name} holds over ${count} routers within 5% for requests of up to 1% of it`, () => {
      fc.assert(
        fc.property(
          delay,
          traffic(count, 60),
          fc.integer({ min: 1, max: limit / 100 }),
          (delayMs, bursts, size) => {
            const key = keyOf("k", { [name]: limit });
            const { state, routers, pass } = simulateSharing(count, key, delayMs);
            const taken: { at: number; amount: number }[] = [];
            for (const [pauseMs, wanted] of bursts) {
              pass(pauseMs * STEP_MS);
              for (const [at, router] of routers.entries()) {
                for (let i = 0; i < wanted[at]!; i++) {
                  const reserved = router.budgets.reserve(key, undefined, size)!;
                  if (reserved.denied) break;
                  const used = i % 3 === 0 ? Math.ceil(size / 4) : size;
                  reserved.settle(used);
                  taken.push({ at: state.now, amount: used });
                }
              }
            }
            assertWithin(taken, windowMs, limit * 1.05);
          },
        ),
        runs,
      );
    });
  }

  Deno.test(`requests in flight hold over ${count} routers, within one of each further router`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        delay,
        traffic(count, 40),
        fc.array(fc.nat(3_000), { minLength: 1, maxLength: 20 }),
        (maxInFlight, delayMs, bursts, durations) => {
          const key = keyOf("k", { maxInFlight });
          const { state, routers, pass } = simulateSharing(count, key, delayMs);
          let open: { endsAt: number; leave(): void }[] = [];
          let begun = 0;
          for (const [pauseMs, wanted] of bursts) {
            for (let i = 0; i < pauseMs; i++) {
              pass(STEP_MS);
              for (const { endsAt, leave } of open) if (endsAt <= state.now) leave();
              open = open.filter(({ endsAt }) => endsAt > state.now);
            }
            for (const [at, router] of routers.entries()) {
              for (let i = 0; i < wanted[at]!; i++) {
                const { caller } = router.keyring.enter(key);
                if (!caller) break;
                const endsAt = state.now + durations[begun++ % durations.length]!;
                open.push({ endsAt, leave: () => caller.leave() });
              }
            }
            assert.ok(open.length <= maxInFlight + count - 1, `${open.length} of ${maxInFlight}`);
          }
        },
      ),
      runs,
    );
  });
}

for (
  const [what, shares] of [
    ["evenly", [1, 1, 1, 1]],
    ["unevenly", [8, 1, 1, 0]],
    ["to one router", [1, 0, 0, 0]],
  ] as const
) {
  Deno.test(`clients that ask for twice the limit, ${what}, get at least 95% of it each minute`, () => {
    const limits = { requestsPerMinute: 1_200, tokensPerMinute: 120_000 };
    const key = keyOf("k", limits);
    const { routers, pass } = simulateSharing(4, key, 20);
    const all = shares.reduce<number>((sum, share) => sum + share, 0);
    const due = shares.map(() => 0);
    const taken = { requests: 0, tokens: 0 };
    for (let minute = 0; minute < 5; minute++) {
      const before = { ...taken };
      for (let ms = 0; ms < MINUTE_MS; ms += STEP_MS) {
        pass(STEP_MS);
        for (const [at, { keyring, budgets }] of routers.entries()) {
          due[at]! += 2 * 1_200 / MINUTE_MS * STEP_MS * shares[at]! / all;
          for (; due[at]! >= 1; due[at]!--) {
            const { caller } = keyring.enter(key);
            if (caller) taken.requests++;
            caller?.leave();
            if (!budgets.reserve(key, undefined, 100)!.denied) taken.tokens += 100;
          }
        }
      }
      for (const unit of ["requests", "tokens"] as const) {
        const limit = unit === "requests" ? limits.requestsPerMinute : limits.tokensPerMinute;
        const share = (taken[unit] - before[unit]) / limit;
        // A window may begin within this minute or the last one.
        assert.ok(share >= 0.95 && share <= 1.05, `minute ${minute}: ${share} of the ${unit}`);
      }
    }
  });
}

Deno.test("clients of one router that begin a request as soon as one ends keep all of a key's places", () => {
  const key = keyOf("k", { maxInFlight: 8 });
  const { state, routers, pass } = simulateSharing(2, key, 20);
  const [{ keyring }] = routers as [typeof routers[0]];
  // Some end together, others alone.
  const workers = [30, 30, 30, 50, 70, 100, 110, 300].map((lastsMs) => ({
    lastsMs,
    nextAt: state.now,
    leave: undefined as (() => void) | undefined,
  }));
  const from = state.now + 2_000;
  let refused = 0;
  while (state.now < from + 20_000) {
    pass(STEP_MS);
    for (const worker of workers) {
      if (worker.nextAt > state.now) continue;
      if (worker.leave) {
        worker.leave();
        worker.leave = undefined;
        worker.nextAt = state.now + STEP_MS;
        continue;
      }
      const { caller } = keyring.enter(key);
      if (!caller && state.now >= from) refused++;
      worker.leave = caller && (() => caller.leave());
      worker.nextAt = state.now + worker.lastsMs;
    }
  }
  assert.equal(refused, 0);
});

Deno.test("a burst at one router gets its share of the room at once, and the rest as others are seen not to use it", () => {
  const key = keyOf("k", { requestsPerMinute: 100 });
  const { routers, pass } = simulateSharing(2, key, 20);
  const [one] = routers;
  const take = () => {
    let count = 0;
    for (let entry; (entry = one!.keyring.enter(key)).caller; count++) entry.caller.leave();
    return count;
  };
  assert.equal(take(), 50);
  const { reached } = one!.keyring.enter(key);
  assert.deepEqual(reached, { name: "requests_per_minute", limit: 100, waitMs: 300 });
  pass(400);
  assert.equal(take(), 25);
  for (let i = 0; i < 10; i++) pass(400), take();
  const { requests, reached: full } = one!.keyring.enter(key);
  assert.equal(requests!.left, 0);
  assert.ok(full!.waitMs > 50_000, "the whole limit is used");
});

Deno.test("what decides and is shown is the sum over all routers", () => {
  const key = keyOf("k", { tokensPerMinute: 1_000, requestsPerMinute: 10 });
  const { routers, pass } = simulateSharing(2, key, 20);
  const [one, other] = routers;
  one!.budgets.reserve(key, undefined, 400)!.settle(300);
  one!.keyring.enter(key).caller!.leave();
  pass(100);
  assert.equal(other!.budgets.shareOf(key), 0.3);
  const { quota } = other!.budgets.reserve(key, undefined, 200)!;
  assert.deepEqual([quota.limit, quota.left], [1_000, 500]);
  assert.equal(other!.keyring.enter(key).requests!.left, 8);
  pass(400);
  const { denied } = one!.budgets.reserve(key, undefined, 501)!;
  assert.equal(denied!.left, 500);
  assert.ok(denied!.waitMs > 59_000 && denied!.waitMs <= 60_500, `${denied!.waitMs}`);
  assert.equal(one!.budgets.reserve(key, undefined, 1_001)!.denied!.waitMs, Infinity);
});

/** A router that hears of a key's tokens a minute. */
function hearing(key: ApiKey) {
  const state = { now: 1_000_000, access: { keys: [key] } };
  const { shared, ...limits } = createKeyLimits(() => state.access, () => state.now);
  shared.share(true);
  const number = limitHash(limitId(key.name, undefined, "tokens_per_minute"));
  return { ...limits, shared, state, number };
}

Deno.test("what a silent router has spent counts until it is too old; its requests in flight don't", () => {
  const key = keyOf("k", { tokensPerMinute: 1_000, maxInFlight: 2 });
  const { shared, budgets, keyring, state, number } = hearing(key);
  const inFlight = limitHash(limitId("k", undefined, "max_in_flight"));
  const peer = shared.join("a");
  peer.hear([[number, 600], [inFlight, 2]], state.now);
  state.now += 30_000;
  peer.hear([[number, 900]], state.now);
  assert.equal(keyring.enter(key).reached?.name, "max_in_flight");
  peer.drop();
  keyring.enter(key).caller!.leave();
  assert.equal(budgets.shareOf(key), 0.9);
  state.now += 31_000;
  assert.equal(budgets.shareOf(key), 0.3, "the first 600 are a minute old");
  assert.equal(budgets.reserve(key, undefined, 700)!.denied, undefined, "all that is left is its");
  state.now += 31_000;
  shared.changes(state.now);
  assert.equal(budgets.shareOf(key), 0.7);
});

Deno.test("a router that is heard again, or repeats itself, isn't counted twice; a new start of it is", () => {
  const key = keyOf("k", { tokensPerMinute: 1_000 });
  const { shared, budgets, state, number } = hearing(key);
  for (let i = 0; i < 3; i++) {
    const peer = shared.join("a");
    peer.hear([[number, 100]], state.now);
    peer.hear([[number, 100], [number, 100]], state.now);
    peer.drop();
    assert.equal(budgets.shareOf(key), 0.1);
  }
  const late = shared.join("b");
  late.drop();
  shared.changes(state.now);
  late.hear([[number, 50]], state.now);
  assert.equal(budgets.shareOf(key), 0.15);
  // An answer was shorter than was reserved for it.
  shared.join("b").hear([[number, 20]], state.now);
  assert.equal(budgets.shareOf(key), 0.12);
});

Deno.test("limits that a router doesn't have are ignored, and others' limits of the same key are its own matter", () => {
  const key = keyOf("k", { tokensPerMinute: 1_000 });
  const { shared, budgets, state, number } = hearing(key);
  const peer = shared.join("a");
  const unknown = limitHash(limitId("other", undefined, "tokens_per_minute"));
  peer.hear([[unknown, 5_000], [number, 5_000], [7, 7]], state.now);
  assert.equal(budgets.shareOf(key), 5, "the other one allows more");
  const { denied } = budgets.reserve(key, undefined, 1)!;
  assert.ok(denied!.waitMs <= 60_500, "it is forgotten within a minute");
  const other = keyOf("other", { tokensPerMinute: 1_000 });
  state.access = { keys: [key, other] };
  assert.equal(budgets.shareOf(other), 0);
  peer.hear([[unknown, 500]], state.now);
  assert.equal(budgets.shareOf(other), 0.5, "a reload takes effect at once");
});

Deno.test("a router is believed for a bounded number of starts and limits, and forgotten when nothing is shared", () => {
  const key = keyOf("k", { tokensPerMinute: 1_000 });
  const { shared, budgets, state, number } = hearing(key);
  for (let i = 0; i < 1_000; i++) {
    const peer = shared.join(`start-${i}`);
    peer.hear([[number, 1]], state.now);
    peer.drop();
  }
  assert.equal(budgets.shareOf(key), 0.128);
  shared.share(false);
  assert.equal(budgets.shareOf(key), 0);
});

Deno.test("while nothing is shared, nothing is kept to be told", () => {
  const shared = createSharedLimits(() => ({ keys: [] }));
  const own = { used: () => 1, waitMs: () => 0, resetMs: () => 0 };
  shared.over("id")(own).waitMs(1, 1, 0);
  assert.deepEqual(shared.changes(0), []);
  assert.deepEqual(shared.all(0), []);
  shared.share(true);
  shared.over("id")(own).waitMs(2, 1, 0);
  assert.deepEqual(shared.changes(0), [[limitHash("id"), 1]]);
  assert.deepEqual(shared.changes(50), [], "only what has changed is told");
  assert.deepEqual(shared.all(50), [[limitHash("id"), 1]]);
});

Deno.test("when many limits change, those that were told longest ago are told first", () => {
  const shared = createSharedLimits(() => ({ keys: [] }));
  shared.share(true);
  let spent = 1;
  const own = { used: () => spent, waitMs: () => 0, resetMs: () => 0 };
  for (let i = 0; i < 1_500; i++) shared.over(`${i}`)(own).waitMs(9, 1, 0);
  const told = new Set<number>();
  for (const count of [1_000, 1_000]) {
    const uses = shared.changes(0);
    assert.equal(uses.length, count);
    for (const [limit] of uses) told.add(limit);
    spent++;
  }
  assert.equal(told.size, 1_500);
});

Deno.test("the most requests that were in flight since the last line are told, and then how many are left", () => {
  const key = keyOf("k", { maxInFlight: 9 });
  const { shared, keyring, state } = hearing(key);
  const number = limitHash(limitId("k", undefined, "max_in_flight"));
  const [first, second] = [keyring.enter(key).caller!, keyring.enter(key).caller!];
  first.leave();
  assert.deepEqual(shared.changes(state.now), [[number, 2]]);
  assert.deepEqual(shared.changes(state.now += 50), [[number, 1]]);
  second.leave();
  assert.deepEqual(shared.changes(state.now += 50), []);
  assert.deepEqual(shared.changes(state.now += 50), [[number, 0]]);
});

Deno.test("a limit that reloads remove and add again is told once, as it is spent since", () => {
  const key = keyOf("k", { tokensPerMinute: 1_000 });
  const { shared, budgets, state, number } = hearing(key);
  budgets.reserve(key, undefined, 400);
  assert.deepEqual(shared.changes(state.now), [[number, 400]]);
  const other = keyOf("other", { tokensPerMinute: 1_000 });
  state.access = { keys: [other] };
  budgets.reserve(other, undefined, 0);
  state.access = { keys: [key, other] };
  budgets.reserve(key, undefined, 100);
  assert.deepEqual(shared.all(state.now).filter(([limit]) => limit === number), [[number, 100]]);
  assert.deepEqual(shared.changes(state.now).filter(([limit]) => limit === number), [[
    number,
    100,
  ]]);
});

Deno.test("requests that end at a peer while a reload has removed their key don't count once it is back", () => {
  const key = keyOf("k", { maxInFlight: 2 });
  const { shared, keyring, state } = hearing(key);
  const number = limitHash(limitId("k", undefined, "max_in_flight"));
  const peer = shared.join("a");
  peer.hear([[number, 2]], state.now);
  assert.equal(keyring.enter(key).reached?.name, "max_in_flight");
  state.access = { keys: [keyOf("other", {})] };
  peer.hear([[number, 0]], state.now);
  state.access = { keys: [key] };
  assert.ok(keyring.enter(key).caller);
});
