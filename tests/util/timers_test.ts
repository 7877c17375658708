import assert from "node:assert/strict";
import { startTimer, stopTimer } from "../../src/util/timers.ts";
import { until } from "../support/until.ts";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("a timer fires once, not before its delay, and leaves nothing behind", async () => {
  for (const delayMs of [0, 1, 19, 20, 21, 100]) {
    const startedAt = performance.now();
    let firedAt: number | undefined;
    let times = 0;
    startTimer(() => {
      times++;
      firedAt = performance.now();
    }, delayMs);
    await until("it fires", () => firedAt !== undefined);
    assert.ok(firedAt! - startedAt >= delayMs, `${firedAt! - startedAt} of ${delayMs} ms`);
    await wait(50);
    assert.equal(times, 1);
  }
});

Deno.test("a stopped timer never fires, and stopping a stopped or fired timer does nothing", async () => {
  const fired: string[] = [];
  const stopped = startTimer(() => fired.push("stopped"), 40);
  const other = startTimer(() => fired.push("other"), 40);
  stopTimer(stopped);
  stopTimer(stopped);
  stopTimer(undefined);
  await until("the other fires", () => fired.length > 0);
  stopTimer(other);
  await wait(60);
  assert.deepEqual(fired, ["other"]);
});

Deno.test("timers fire in order, even if callbacks start and stop timers", async () => {
  const fired: { delayMs: number; tick: number }[] = [];
  const start = (delayMs: number, then = () => {}) => {
    const timer = startTimer(() => {
      fired.push({ delayMs, tick: timer.tick });
      then();
    }, delayMs);
    return timer;
  };
  const late = start(400);
  start(120);
  start(60, () => {
    start(1);
    stopTimer(late);
  });
  start(240);
  await until("all have fired", () => fired.length === 4);
  assert.deepEqual(fired.map(({ delayMs }) => delayMs).sort((a, b) => a - b), [1, 60, 120, 240]);
  // On a slow machine the callback runs late, and its timer may be due after the next ones.
  const ticks = fired.map(({ tick }) => tick);
  assert.deepEqual(ticks, ticks.toSorted((a, b) => a - b));
});

Deno.test("a timer that another of the same tick stops doesn't fire, and later ones do", async () => {
  const fired: string[] = [];
  // Started in one go, they are due in the same tick.
  startTimer(() => {
    stopTimer(second);
    startTimer(() => fired.push("third"), 1);
  }, 60);
  const second = startTimer(() => fired.push("second"), 60);
  await until("the third fires", () => fired.includes("third"));
  await wait(60);
  assert.deepEqual(fired, ["third"]);
});

Deno.test("after the process was stopped, what arrived meanwhile is read before timers fire", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using server = await listener.accept();
  const order: string[] = [];
  const reading = server.read(new Uint8Array(1)).then(() => order.push("read"));
  startTimer(() => order.push("timer"), 50);
  const written = client.write(new Uint8Array(1));
  // To a stopped process it makes no difference why it does not run.
  for (const startedAt = performance.now(); performance.now() - startedAt < 1_000;);
  await until("both have happened", () => order.length === 2);
  await Promise.all([reading, written]);
  assert.deepEqual(order, ["read", "timer"]);
});
