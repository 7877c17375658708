import assert from "node:assert/strict";
import { isOlder } from "../../../src/discovery/kubernetes/objects.ts";
import { createStore } from "../../../src/discovery/kubernetes/store.ts";

const object = (
  name: string,
  version: number,
  value: string | undefined = `${name}${version}`,
) => ({
  name,
  version: String(version),
  value,
});
const malformed = (name: string, version: number) => ({
  name,
  version: String(version),
  value: undefined,
});

Deno.test("an event that is older than what is known changes nothing", () => {
  const store = createStore<string>(10);
  assert.equal(store.put(object("a", 9)), true);
  assert.equal(store.put(object("a", 8)), false);
  assert.equal(store.put(object("a", 9)), false);
  assert.equal(store.remove(object("a", 8)), false);
  assert.deepEqual(store.values(), ["a9"]);
  assert.equal(store.put(object("a", 10)), true);
  assert.deepEqual(store.values(), ["a10"]);
});

Deno.test("a late event doesn't bring a deleted object back, a new object of its name does", () => {
  const store = createStore<string>(10);
  store.put(object("a", 1));
  assert.equal(store.remove(object("a", 5)), true);
  assert.equal(store.put(object("a", 4)), false);
  assert.deepEqual(store.values(), []);
  assert.equal(store.put(object("a", 6)), true);
  assert.deepEqual(store.values(), ["a6"]);
});

Deno.test("deleting what isn't known changes nothing, and an earlier addition that comes later neither", () => {
  const store = createStore<string>(10);
  assert.equal(store.remove(object("a", 5)), false);
  assert.equal(store.put(object("a", 4)), false);
  assert.deepEqual(store.values(), []);
});

Deno.test("after a list, what isn't in it is gone", () => {
  const store = createStore<string>(10);
  store.put(object("a", 1));
  store.put(object("b", 2));
  store.replace([object("b", 2), object("c", 3)]);
  assert.deepEqual(store.values(), ["b2", "c3"]);
});

Deno.test("a malformed object stays as it was known", () => {
  const store = createStore<string>(10);
  store.put(object("a", 1));
  assert.equal(store.put(malformed("a", 2)), false);
  assert.deepEqual(store.values(), ["a1"]);
  store.replace([malformed("a", 3), malformed("b", 3)]);
  assert.deepEqual(store.values(), ["a1"]);
  assert.equal(store.get("b"), undefined);
});

Deno.test("an object with the same contents has not changed", () => {
  const store = createStore<string>(10);
  store.put(object("a", 1, "same"));
  assert.equal(store.put(object("a", 2, "same")), false);
  assert.equal(store.put(object("a", 1, "older")), false);
});

Deno.test("values come by version, the latest last", () => {
  const store = createStore<string>(10);
  for (const version of [100, 9, 10]) store.put(object(`v${version}-`, version));
  assert.deepEqual(store.values(), ["v9-9", "v10-10", "v100-100"]);
});

Deno.test("objects beyond the limit are not kept", () => {
  const store = createStore<string>(2);
  for (const name of ["a", "b", "c"]) store.put(object(name, 1));
  assert.deepEqual(store.values(), ["a1", "b1"]);
  store.replace(["a", "b", "c"].map((name) => object(name, 2)));
  assert.deepEqual(store.values(), ["a2", "b2"]);
});

Deno.test("a deletion may have the version that the object had, and that is not added again", () => {
  const store = createStore<string>(10);
  store.put(object("a", 5));
  assert.equal(store.remove(object("a", 5)), true);
  assert.equal(store.put(object("a", 5)), false);
  assert.deepEqual(store.values(), []);
});

Deno.test("versions are compared as numbers of any length, and others count as in order", () => {
  assert.equal(isOlder("9", "10"), true);
  assert.equal(isOlder("18446744073709551615", "18446744073709551616"), true);
  assert.equal(isOlder("9", "9"), false);
  assert.equal(isOlder("a", "b"), false);
  const store = createStore<string>(10);
  for (const version of ["b", "a"]) store.put({ name: "x", version, value: version });
  assert.deepEqual(store.values(), ["a"]);
  store.remove({ name: "x", version: "c", value: "c" });
  assert.deepEqual(store.values(), []);
});
