import assert from "node:assert/strict";
import fc from "fast-check";
import { hashIn, hashOf, writtenHash } from "../../src/config/key_hash.ts";
import { numRuns } from "../support/property.ts";

/** SHA-256 of `abc`, from FIPS 180-2. */
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

Deno.test("a key's hash is SHA-256 in hexadecimal digits", () => {
  assert.equal(hashOf("abc"), ABC);
  assert.equal(writtenHash("abc"), `sha256:${ABC}`);
});

for (
  const entry of [
    "abc",
    `sha256:${ABC}`,
    `sha256:${ABC.toUpperCase()}`,
  ]
) {
  Deno.test(`${entry} means the hash of abc`, () => {
    assert.equal(hashIn(entry), ABC);
  });
}

for (const entry of ["sha256:", `sha256:${ABC}0`, `sha256:${ABC.slice(1)}`, `sha256: ${ABC}`]) {
  Deno.test(`${entry} starts like a hash but isn't one`, () => {
    assert.equal(hashIn(entry), undefined);
  });
}

Deno.test("a key that looks like hexadecimal digits is a key", () => {
  assert.equal(hashIn(ABC), hashOf(ABC));
});

Deno.test("the written hash of any key resolves to its hash, and only equal keys have equal hashes", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      assert.equal(hashIn(writtenHash(one)), hashOf(one));
      const differ = one.toWellFormed() !== other.toWellFormed();
      assert.equal(hashOf(one) === hashOf(other), !differ);
    }),
    { numRuns },
  );
});
