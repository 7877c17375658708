import assert from "node:assert/strict";
import { createAdmission } from "../../../src/proxy/admission.ts";
import { createBodyBuffer } from "../../../src/proxy/request/body_buffer.ts";

/** A store with a limit for reserved bytes, and how many are reserved. */
function storeIn(room: number, length: number, maxBytes: number) {
  const admission = createAdmission(() => ({ maxInFlight: 1, bodyBufferBytes: room }));
  const taken = () => {
    let free = 0;
    while (admission.hasRoom(free + 1)) free++;
    return room - free;
  };
  return { store: createBodyBuffer(admission, length, maxBytes), taken, admission };
}

const chunk = (length: number, byte = 1) => new Uint8Array(length).fill(byte);

Deno.test("a store reserves its buffer, which doubles up to the declared length", () => {
  const { store, taken } = storeIn(10_000, 1_000, 10_000);
  assert.equal(taken(), 0);
  for (const [bytes, room] of [[100, 100], [1, 200], [99, 200], [300, 500], [1, 1_000]] as const) {
    assert.equal(store.append(chunk(bytes)), undefined);
    assert.equal(taken(), room);
  }
  store.append(chunk(499));
  assert.equal(store.size, 1_000);
  assert.equal(taken(), 1_000);
});

Deno.test("a whole body has its bytes in order and reserves its length", () => {
  const { store, taken } = storeIn(10_000, 0, 10_000);
  for (let i = 1; i <= 5; i++) store.append(chunk(100, i));
  store.append(chunk(1, 6));
  const body = store.whole();
  assert.equal(body.bytes.length, 501);
  assert.equal(body.bytes.buffer.byteLength, 501);
  assert.deepEqual([...new Set(body.bytes)], [1, 2, 3, 4, 5, 6]);
  assert.equal(taken(), 501);
  body.drop();
  body.drop();
  assert.equal(taken(), 0);
  assert.equal(body.bytes.length, 0);
});

Deno.test("a body that does not fit or exceeds its limit is refused, and a dropped store reserves nothing", () => {
  const { store, taken, admission } = storeIn(1_000, 0, 900);
  admission.reserve(500);
  assert.equal(store.append(chunk(400)), undefined);
  const noRoom = store.append(chunk(200));
  assert.equal(noRoom?.status, 503);
  assert.equal(store.append(chunk(501))?.status, 413);
  assert.equal(taken(), 900);
  store.drop();
  store.drop();
  assert.equal(taken(), 500);
});
