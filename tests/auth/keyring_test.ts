import assert from "node:assert/strict";
import fc from "fast-check";
import { type Caller, createKeyring, type Entry } from "../../src/auth/keyring.ts";
import type { ApiKey } from "../../src/config/config.ts";
import { keyOf } from "../support/access.ts";
import { numRuns } from "../support/property.ts";

function callerOf(entry: Entry): Caller {
  assert.ok(entry.caller, JSON.stringify(entry.headers));
  return entry.caller;
}

Deno.test("a key is found by what is shown, and nothing else finds it", () => {
  const keys = [keyOf("one"), keyOf("two")];
  const { find } = createKeyring(() => keys);
  assert.equal(find("one"), keys[0]);
  assert.equal(find("two"), keys[1]);
  for (const shown of ["", "On", "one ", "ONE", "onetwo", keys[0]!.hash.toHex()]) {
    assert.equal(find(shown), undefined, shown);
  }
});

Deno.test("whichever key is shown, all are compared to their last byte", () => {
  const names = ["one", "two", "three", "four"];
  const work = (shown: string) => {
    let bytes = 0;
    const keys = names.map((name): ApiKey => {
      const { hash } = keyOf(name);
      const watched = new Proxy(hash, {
        get(target, at) {
          if (typeof at === "string" && /^\d+$/.test(at)) bytes++;
          return Reflect.get(target, at);
        },
      });
      return { name, hash: watched };
    });
    const found = createKeyring(() => keys).find(shown);
    assert.equal(found?.name, names.includes(shown) ? shown : undefined);
    return bytes;
  };
  for (const shown of [...names, "none", ""]) assert.equal(work(shown), 32 * names.length, shown);
});

Deno.test("a key has so many requests in flight and no more", () => {
  const key = keyOf("k", { maxInFlight: 2 });
  const { enter } = createKeyring(() => [key]);
  const first = callerOf(enter(key));
  callerOf(enter(key));
  const refused = enter(key);
  assert.equal(refused.caller, undefined);
  assert.deepEqual(Object.fromEntries(refused.headers), {
    "x-ratelimit-limit-in-flight": "2",
    "x-ratelimit-remaining-in-flight": "0",
    "retry-after": "1",
  });
  first.leave();
  first.leave();
  callerOf(enter(key));
  assert.equal(enter(key).caller, undefined, "a place is given back once");
});

Deno.test("a key has so many requests a minute and no more, and each answer tells what is left", () => {
  const clock = { now: 1_000_000 };
  const key = keyOf("k", { requestsPerMinute: 2 });
  const { enter } = createKeyring(() => [key], () => clock.now);
  const told = () => {
    const { caller, headers } = enter(key);
    caller?.leave();
    return { ok: caller !== undefined, ...Object.fromEntries(headers) };
  };
  assert.deepEqual(told(), {
    ok: true,
    "x-ratelimit-limit-requests": "2",
    "x-ratelimit-remaining-requests": "1",
    "x-ratelimit-reset-requests": "60.000s",
  });
  assert.equal(told().ok, true);
  clock.now += 10_000;
  assert.deepEqual(told(), {
    ok: false,
    "x-ratelimit-limit-requests": "2",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "50.000s",
    "retry-after": "50",
  });
  clock.now += 49_999;
  assert.equal(told().ok, false);
  clock.now += 1;
  assert.equal(told().ok, true);
});

Deno.test("a request for which there is no place in flight costs none of a minute's", () => {
  const key = keyOf("k", { requestsPerMinute: 2, maxInFlight: 1 });
  const { enter } = createKeyring(() => [key], () => 0);
  const first = callerOf(enter(key));
  for (let i = 0; i < 5; i++) assert.equal(enter(key).caller, undefined);
  first.leave();
  callerOf(enter(key));
});

Deno.test("one key's limits are nothing to another", () => {
  const keys = [keyOf("a", { requestsPerMinute: 1 }), keyOf("b", { requestsPerMinute: 1 })];
  const { enter } = createKeyring(() => keys, () => 0);
  for (const key of keys) callerOf(enter(key));
  for (const key of keys) assert.equal(enter(key).caller, undefined);
});

Deno.test("over a reload what is in use goes on by the key's name, under the new limits", () => {
  const { enter } = createKeyring(() => [], () => 0);
  const held = callerOf(enter(keyOf("k", { maxInFlight: 2, requestsPerMinute: 5 })));
  // Another secret under the same name: it was changed, not added.
  const renewed = { ...keyOf("other"), name: "k", maxInFlight: 1 };
  assert.equal(enter(renewed).caller, undefined);
  held.leave();
  callerOf(enter(renewed));
});

Deno.test("a key without limits has none, and tells of none", () => {
  const key = keyOf("k");
  const { enter } = createKeyring(() => [key]);
  for (let i = 0; i < 1_000; i++) assert.deepEqual(enter(key).headers, []);
});

Deno.test("a key is good for the models it lists, for all where it lists none", () => {
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

Deno.test("however requests come and leave, as many are in flight as came and didn't leave", () => {
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
          // Some leave again and again.
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
