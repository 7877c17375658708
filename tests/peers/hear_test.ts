import assert from "node:assert/strict";
import { helloLine } from "../../src/peers/words.ts";
import { createHearing } from "../../src/peers/hear.ts";
import { PEER_KEY } from "../support/peered.ts";

Deno.test("a connection whose hello comes after all were closed isn't taken", async () => {
  let joined = 0;
  const hearing = createHearing({
    instance: "own",
    key: () => PEER_KEY,
    join() {
      joined++;
      return { size: 0, hear() {}, drop() {}, compare() {} };
    },
    joinLimits: () => ({ hear() {}, drop() {} }),
    compare() {},
  });
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
  const request = new Request("http://router/peers", {
    method: "POST",
    headers: { authorization: `Bearer ${PEER_KEY}` },
    body: readable,
  });
  const answered = hearing.answer(request, "10.0.0.1");
  hearing.close();
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode(helloLine("late"))).catch(() => {});
  assert.equal((await answered).status, 401);
  assert.equal(joined, 0);
  assert.ok(!hearing.hears("late"));
});
