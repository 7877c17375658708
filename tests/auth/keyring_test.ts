import assert from "node:assert/strict";
import fc from "fast-check";
import { type Caller, createKeyring, type Entry } from "../../src/auth/keyring.ts";
import type { ApiKey } from "../../src/config/config.ts";
import { keyOf } from "../support/access.ts";
import { numRuns } from "../support/property.ts";

function callerOf(entry: Entry): Caller {
  assert.ok(entry.caller, JSON.stringify(entry.reached));
  return entry.caller;
}

Deno.test("a key is found only by its exact secret", () => {
  const keys = [keyOf("one"), keyOf("two")];
  const { find } = createKeyring(() => keys);
  assert.equal(find("one"), keys[0]);
  assert.equal(find("two"), keys[1]);
  for (const shown of ["", "On", "one ", "ONE", "onetwo", keys[0]!.hash]) {
    assert.equal(find(shown), undefined, shown);
  }
});

Deno.test("a key is looked up by its hash among any number, and a reload takes effect at once", () => {
  let read = 0;
  const watched = (keys: ApiKey[]) =>
    keys.map((key) =>
      Object.defineProperty({ ...key }, "hash", { get: () => (read++, key.hash), enumerable: true })
    );
  let keys = watched(Array.from({ length: 1_000 }, (_, i) => keyOf(`key-${i}`)));
  const { find } = createKeyring(() => keys);
  assert.equal(find("key-0"), keys[0]);
  read = 0;
  for (let i = 0; i < 1_000; i++) assert.equal(find(`key-${i}`), keys[i]);
  assert.equal(find("key-1000"), undefined);
  assert.ok(read < 10_000, `${read} hashes read for 1,001 look-ups`);
  const [first, ...others] = keys;
  keys = [...others, keyOf("new")];
  assert.equal(find("key-0"), undefined, first!.name);
  assert.equal(find("key-999"), others.at(-1));
  assert.equal(find("new"), keys.at(-1));
});

Deno.test("a key has at most its limit of requests in flight", () => {
  const key = keyOf("k", { maxInFlight: 2 });
  const { enter } = createKeyring(() => [key]);
  const first = callerOf(enter(key));
  callerOf(enter(key));
  const refused = enter(key);
  assert.equal(refused.caller, undefined);
  assert.deepEqual(refused.reached, { name: "max_in_flight", limit: 2, waitMs: 1_000 });
  first.leave();
  first.leave();
  callerOf(enter(key));
  assert.equal(enter(key).caller, undefined, "a place is given back once");
});

Deno.test("a key has at most its limit of requests a minute, and each answer reports what is left", () => {
  const clock = { now: 1_000_000 };
  const key = keyOf("k", { requestsPerMinute: 2 });
  const { enter } = createKeyring(() => [key], () => clock.now);
  const told = () => {
    const { caller, requests, reached } = enter(key);
    caller?.leave();
    return { ok: caller !== undefined, ...requests, reached };
  };
  assert.deepEqual(told(), {
    ok: true,
    limit: 2,
    left: 1,
    resetMs: 60_000,
    reached: undefined,
  });
  assert.equal(told().ok, true);
  clock.now += 10_000;
  assert.deepEqual(told(), {
    ok: false,
    limit: 2,
    left: 0,
    resetMs: 50_000,
    reached: { name: "requests_per_minute", limit: 2, waitMs: 50_000 },
  });
  clock.now += 49_999;
  assert.equal(told().ok, false);
  clock.now += 1;
  assert.equal(told().ok, true);
});

Deno.test("a request rejected by the in-flight limit does not count against the rate limit", () => {
  const key = keyOf("k", { requestsPerMinute: 2, maxInFlight: 1 });
  const { enter } = createKeyring(() => [key], () => 0);
  const first = callerOf(enter(key));
  for (let i = 0; i < 5; i++) assert.equal(enter(key).caller, undefined);
  first.leave();
  callerOf(enter(key));
});

Deno.test("the limits of keys are independent", () => {
  const keys = [keyOf("a", { requestsPerMinute: 1 }), keyOf("b", { requestsPerMinute: 1 })];
  const { enter } = createKeyring(() => keys, () => 0);
  for (const key of keys) callerOf(enter(key));
  for (const key of keys) assert.equal(enter(key).caller, undefined);
});

Deno.test("a reload keeps the usage of a key by its name, under the new limits", () => {
  const { enter } = createKeyring(() => [], () => 0);
  const held = callerOf(enter(keyOf("k", { maxInFlight: 2, requestsPerMinute: 5 })));
  // Another secret under the same name: the key was rotated.
  const renewed = { ...keyOf("other"), name: "k", maxInFlight: 1 };
  assert.equal(enter(renewed).caller, undefined);
  held.leave();
  callerOf(enter(renewed));
});

Deno.test("a reload drops the usage of removed keys, except those with requests in flight", () => {
  const key = keyOf("k", { maxInFlight: 1, requestsPerMinute: 3 });
  let keys = [key];
  const { find, enter } = createKeyring(() => keys, () => 0);
  const left = () => {
    const { caller, requests } = enter(key);
    caller?.leave();
    return requests?.left;
  };
  const reload = (...next: ApiKey[]) => {
    keys = next;
    find("k");
  };
  const held = callerOf(enter(key));
  reload();
  reload(key);
  assert.equal(enter(key).caller, undefined, "it is still in flight");
  held.leave();
  assert.equal(left(), 1, "none of it was forgotten");
  reload(keyOf("other"));
  reload(key);
  assert.equal(left(), 2, "as of a new one");
});

Deno.test("a key without limits is not limited and reports no limits", () => {
  const key = keyOf("k");
  const { enter } = createKeyring(() => [key]);
  for (let i = 0; i < 1_000; i++) {
    const { requests, reached } = enter(key);
    assert.deepEqual([requests, reached], [undefined, undefined]);
  }
});

Deno.test("a key allows only the models it lists, or all without a list", () => {
  const { enter } = createKeyring(() => []);
  const some = callerOf(enter(keyOf("some", { models: ["a", "b"] })));
  assert.deepEqual(["a", "b", "c", "", undefined].map(some.mayUse), [
    true,
    true,
    false,
    false,
    false,
  ]);
  const all = callerOf(enter(keyOf("all")));
  assert.deepEqual(["a", undefined].map(all.mayUse), [true, true]);
});

Deno.test("the in-flight count is exact under any sequence of enter and leave", () => {
  const step = fc.oneof(
    fc.constant({ what: "enter" as const }),
    fc.record({ what: fc.constant("leave" as const), which: fc.nat() }),
  );
  const sequence = fc.array(step, { maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), sequence, (maxInFlight, steps) => {
      const key = keyOf("k", { maxInFlight });
      const { enter } = createKeyring(() => [key]);
      const callers: Caller[] = [];
      const inside = new Set<Caller>();
      for (const step of steps) {
        if (step.what === "enter") {
          const { caller } = enter(key);
          assert.equal(caller !== undefined, inside.size < maxInFlight);
          if (!caller) continue;
          callers.push(caller);
          inside.add(caller);
        } else if (callers.length > 0) {
          // May have left before.
          const caller = callers[step.which % callers.length]!;
          caller.leave();
          inside.delete(caller);
        }
      }
      for (const caller of callers) caller.leave();
      for (let i = 0; i < maxInFlight; i++) callerOf(enter(key));
      assert.equal(enter(key).caller, undefined);
    }),
    { numRuns },
  );
});
