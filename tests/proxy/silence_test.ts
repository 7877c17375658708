import assert from "node:assert/strict";
import { watchSilence } from "../../src/proxy/silence.ts";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("silence is told once, when it has lasted", async () => {
  let told = 0;
  const started = performance.now();
  const { promise, resolve } = Promise.withResolvers<number>();
  watchSilence(40, () => {
    told++;
    resolve(performance.now() - started);
  });
  const after = await promise;
  assert.ok(after >= 39 && after < 500, `${after} ms`);
  await wait(100);
  assert.equal(told, 1);
});

Deno.test("what is heard puts it off, for as long as something is heard", async () => {
  let heardLast = performance.now();
  const { promise, resolve } = Promise.withResolvers<number>();
  const silence = watchSilence(
    100,
    () => resolve(performance.now() - heardLast),
  );
  for (let i = 0; i < 10; i++) {
    await wait(20);
    heardLast = performance.now();
    silence.heard();
  }
  const after = await promise;
  assert.ok(after >= 99 && after < 600, `${after} ms`);
});

Deno.test("after stop nothing is told", async () => {
  let told = 0;
  const silence = watchSilence(20, () => told++);
  silence.stop();
  silence.heard();
  await wait(60);
  assert.equal(told, 0);
});
