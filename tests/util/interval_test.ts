import assert from "node:assert/strict";
import { pause, repeat } from "../../src/util/interval.ts";

Deno.test("a task runs at once and never concurrently with itself", async () => {
  const stop = new AbortController();
  let running = 0;
  let runs = 0;
  const done = repeat(
    async () => {
      assert.equal(++running, 1);
      await pause(5, stop.signal);
      running--;
      if (++runs === 4) stop.abort();
    },
    () => 1,
    stop.signal,
  );
  assert.equal(running, 1);
  await done;
  assert.equal(runs, 4);
});

Deno.test("every wait is up to a tenth shorter or longer than the interval", async () => {
  for (const [random, least, most] of [[0, 85, 110], [1, 105, 140]] as const) {
    const stop = new AbortController();
    const waits: number[] = [];
    let startedAt: number | undefined;
    await repeat(
      () => {
        const now = performance.now();
        if (startedAt !== undefined) waits.push(now - startedAt);
        startedAt = now;
        // A busy machine lengthens waits, so only the shortest tells.
        if (waits.length === 100 || Math.min(...waits) < most) stop.abort();
        return Promise.resolve();
      },
      () => 100,
      stop.signal,
      () => random,
    );
    const shortest = Math.min(...waits);
    assert.ok(shortest >= least && shortest < most, `${shortest} ms`);
  }
});

Deno.test("an abort ends a wait at once", async () => {
  const stop = new AbortController();
  const started = performance.now();
  const done = repeat(() => Promise.resolve(), () => 60_000, stop.signal);
  setTimeout(() => stop.abort(), 5);
  await done;
  assert.ok(performance.now() - started < 30_000, "long before its end");
});

Deno.test("the task does not run if the signal is already aborted", async () => {
  let runs = 0;
  await repeat(
    () => Promise.resolve(void runs++),
    () => 1,
    AbortSignal.abort(),
  );
  assert.equal(runs, 0);
});
