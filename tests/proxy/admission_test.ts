import assert from "node:assert/strict";
import { createAdmission } from "../../src/proxy/admission.ts";

function admitting() {
  const limits = { maxInFlight: 2, bodyBufferBytes: 100 };
  return { limits, admission: createAdmission(() => limits) };
}

Deno.test("requests are admitted up to max_in_flight, and each that leaves admits one more", () => {
  const { admission } = admitting();
  assert.equal(admission.enter(), undefined);
  assert.equal(admission.enter(), undefined);
  const refused = admission.enter();
  assert.equal(refused?.status, 503);
  assert.equal(refused?.retryAfterSeconds, 1);
  assert.match(refused!.message, /\b2 requests/);
  admission.leave();
  assert.equal(admission.enter(), undefined);
  assert.equal(admission.enter()?.status, 503, "who was refused has taken nothing");
});

Deno.test("bodies are reserved up to the limit, and a body that doesn't fit reserves nothing", () => {
  const { admission } = admitting();
  assert.equal(admission.reserve(60), true);
  assert.equal(admission.reserve(41), false);
  assert.equal(admission.reserve(40), true);
  assert.equal(admission.reserve(1), false);
  assert.equal(admission.reserve(0), true);
  admission.release(40);
  assert.equal(admission.reserve(40), true);
});

Deno.test("new limits apply at once to new requests", () => {
  const { limits, admission } = admitting();
  admission.enter();
  admission.enter();
  admission.reserve(100);
  Object.assign(limits, { maxInFlight: 3, bodyBufferBytes: 150 });
  assert.equal(admission.enter(), undefined);
  assert.equal(admission.reserve(50), true);
  Object.assign(limits, { maxInFlight: 1, bodyBufferBytes: 10 });
  admission.leave();
  admission.release(100);
  assert.equal(admission.enter()?.status, 503);
  assert.equal(admission.reserve(1), false);
  admission.leave();
  admission.leave();
  admission.release(50);
  assert.equal(admission.enter(), undefined);
  assert.equal(admission.reserve(10), true);
});

Deno.test("asking for room reserves nothing", () => {
  const admission = createAdmission(() => ({ maxInFlight: 1, bodyBufferBytes: 100 }));
  assert.ok(admission.hasRoom(100));
  assert.ok(!admission.hasRoom(101));
  assert.ok(admission.reserve(60));
  assert.ok(admission.hasRoom(40));
  assert.ok(!admission.hasRoom(41));
});

Deno.test("answers take at most half of the memory, and release it once sent", async () => {
  const admission = createAdmission(() => ({ maxInFlight: 1, bodyBufferBytes: 100 }));
  const { promise: sent, resolve } = Promise.withResolvers<void>();
  const [room, other] = [admission.roomForAnswers(sent), admission.roomForAnswers(sent)];
  assert.equal(room.take(30), true);
  assert.equal(other.take(21), false, "half of it is for requests");
  assert.equal(other.take(20), true);
  assert.equal(admission.reserve(51), false, "answers count");
  assert.equal(admission.reserve(50), true);
  admission.release(50);
  other.drop();
  other.drop();
  assert.equal(room.take(21), false);
  resolve();
  await sent;
  assert.equal(admission.hasRoom(100), true);
});

Deno.test("answers aren't buffered if requests have taken all of the memory", () => {
  const admission = createAdmission(() => ({ maxInFlight: 1, bodyBufferBytes: 100 }));
  assert.equal(admission.reserve(100), true);
  assert.equal(admission.roomForAnswers(new Promise(() => {})).take(1), false);
});
