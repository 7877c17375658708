import assert from "node:assert/strict";
import fc from "fast-check";
import { packed, unpacked } from "../../../src/fleet/estimate/packed.ts";
import { numRuns } from "../../support/property.ts";

Deno.test("32-bit integers come back as they were packed, as many as are wanted", () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.nat(20), (numbers, most) => {
      assert.deepEqual(unpacked(packed(numbers), Infinity), numbers);
      assert.deepEqual(unpacked(packed(numbers), most), numbers.slice(0, most));
    }),
    { numRuns },
  );
});

Deno.test("what is no base64 of whole integers is not unpacked", () => {
  for (const text of ["?", "AAAA", "äöü", "AAAAAA=", "A"]) {
    assert.equal(unpacked(text, 10), undefined, text);
  }
  assert.deepEqual(unpacked("AAAAAA==", 10), [0]);
});
