import assert from "node:assert/strict";
import fc from "fast-check";
import { createPairTable } from "../../../src/fleet/estimate/pair_table.ts";
import { numRuns } from "../../support/property.ts";

Deno.test("pairs are found at their places, and freed places are reused", () => {
  const table = createPairTable(4);
  const [one, other] = [table.add(7, 1), table.add(7, 2)];
  assert.deepEqual([table.find(7, 1), table.find(7, 2), table.find(8, 1)], [one, other, 0]);
  assert.deepEqual([one, other].map(table.firstAt), [7, 7]);
  table.remove(one);
  assert.deepEqual([table.find(7, 1), table.find(7, 2)], [0, other]);
  assert.equal(table.add(-3, 2 ** 31 - 1), one);
  assert.equal(table.find(-3, 2 ** 31 - 1), one);
});

Deno.test("a table works with more pairs than it was created for", () => {
  const table = createPairTable(10);
  const places = Array.from({ length: 1_000 }, (_, i) => table.add(i, -i));
  assert.equal(new Set(places).size, 1_000);
  places.forEach((place, i) => assert.equal(table.find(i, -i), place));
});

Deno.test("under any operations a table behaves like a map and uses no more places than pairs at once", () => {
  // Few values, so that they collide.
  const number = fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom(-(2 ** 31), 2 ** 31 - 1),
  );
  const step = fc.record({ adds: fc.boolean(), pair: fc.tuple(number, number) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.nat(8), (steps, most) => {
      const table = createPairTable(most);
      const model = new Map<string, number>();
      let mostAtOnce = 0;
      for (const { adds, pair } of steps) {
        const key = pair.join();
        const place = table.find(...pair);
        assert.equal(place, model.get(key) ?? 0);
        if (adds && place === 0) model.set(key, table.add(...pair));
        if (!adds && place !== 0) {
          table.remove(place);
          model.delete(key);
        }
        mostAtOnce = Math.max(mostAtOnce, model.size);
        assert.equal(new Set(model.values()).size, model.size);
        for (const place of model.values()) assert.ok(place >= 1 && place <= mostAtOnce);
      }
    }),
    { numRuns },
  );
});
