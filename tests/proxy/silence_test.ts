import assert from "node:assert/strict";
import { watchSilence } from "../../src/proxy/silence.ts";
import { until } from "../support/until.ts";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("silence is told once, when it has lasted", async () => {
  let told = 0;
  const silence = watchSilence(40, () => told++);
  silence.listen();
  const after = await until("told", () => told > 0);
  assert.ok(after >= 39 && after < 500, `${after} ms`);
  await wait(100);
  assert.equal(told, 1);
});

Deno.test("what is heard puts it off, for as long as something is heard", async () => {
  let told = false;
  const silence = watchSilence(100, () => told = true);
  for (let i = 0; i < 10; i++) {
    silence.listen();
    await wait(20);
    assert.ok(!told);
    silence.heard();
  }
  silence.listen();
  const after = await until("told", () => told);
  assert.ok(after >= 99 && after < 600, `${after} ms`);
});

Deno.test("while nobody listens nothing is told", async () => {
  let told = false;
  const silence = watchSilence(30, () => told = true);
  silence.listen();
  silence.heard();
  await wait(150);
  assert.ok(!told);
  silence.listen();
  const after = await until("told", () => told);
  assert.ok(after >= 29 && after < 500, `${after} ms`);
});

Deno.test("after stop nothing is told", async () => {
  let told = false;
  const silence = watchSilence(20, () => told = true);
  silence.listen();
  silence.stop();
  silence.listen();
  await wait(60);
  assert.ok(!told);
});
