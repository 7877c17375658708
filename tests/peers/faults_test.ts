import assert from "node:assert/strict";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { ask } from "../support/fleet.ts";
import { freePort, heardOf, startPeered, startPeeredRouters } from "../support/peered.ts";
import { until } from "../support/until.ts";

/** Passes connections on to a port, until it is paused. */
function startPassing(to: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns = new Set<Deno.Conn>();
  let resume: (() => void) | undefined;
  let resumed = Promise.resolve();

  async function pass(from: Deno.Conn, into: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(1 << 16);
    try {
      for (let count; (count = await from.read(buffer)) !== null;) {
        await resumed;
        for (let at = 0; at < count;) at += await into.write(buffer.subarray(at, count));
      }
    } catch {
      // One side has gone: so does the other.
    }
    for (const conn of [from, into]) {
      if (conns.delete(conn)) conn.close();
    }
  }

  async function accept(): Promise<void> {
    for await (const conn of listener) {
      conns.add(conn);
      const other = await Deno.connect({ hostname: "127.0.0.1", port: to }).catch(() => undefined);
      if (!other) {
        conns.delete(conn);
        conn.close();
        continue;
      }
      conns.add(other);
      passing.push(pass(conn, other), pass(other, conn));
    }
  }
  const passing: Promise<void>[] = [];
  const accepting = accept().catch(() => {});
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    pause() {
      const { promise, resolve } = Promise.withResolvers<void>();
      [resumed, resume] = [promise, resolve];
    },
    resume: () => resume?.(),
    async [Symbol.asyncDispose]() {
      resume?.();
      listener.close();
      for (const conn of [...conns]) {
        if (conns.delete(conn)) conn.close();
      }
      await Promise.all([accepting, ...passing]);
    },
  };
}

Deno.test("a network that stops between peers costs no request, and they find each other again", async () => {
  await using simulator = await startSimulator({ speed: 20 });
  const ports = [freePort(), freePort()] as const;
  await using toOne = startPassing(ports[0]);
  await using toOther = startPassing(ports[1]);
  await using one = await startPeered([simulator.url], ports[0], [toOther.url]);
  await using other = await startPeered([simulator.url], ports[1], [toOne.url]);
  const stream = await ask(one.url, { tokens: 3_000, stream: true });
  await until("it is known", () => heardOf(other) === 1);

  toOne.pause();
  toOther.pause();
  await until("it counts for nothing", () => heardOf(other) === 0);
  const answers = await Promise.all(
    [one, other].map(({ url }) => ask(url, { tokens: 5 })),
  );
  for (const answer of answers) {
    assert.equal(answer.status, 200);
    await answer.text();
  }

  toOne.resume();
  toOther.resume();
  await until("it is known again", () => heardOf(other) === 1);
  assert.match(await stream.text(), /data: \[DONE\]/);
  await until("it has ended", () => heardOf(other) === 0);
});

Deno.test("a peer that dies with open streams is forgotten, and its successor heard", async () => {
  await using peered = await startPeeredRouters();
  const [one, other] = peered.routers;
  await until("they are peers", () => other!.view().peers.every(({ up }) => up));
  for (const { since } of other!.view().peers) assert.ok(Math.abs(Date.now() - since) < 60_000);
  const streams = await Promise.all(
    [1, 2].map(() => ask(one!.url, { tokens: 3_000, stream: true })),
  );
  const kept = await ask(other!.url, { tokens: 300, stream: true });
  await until("they are known", () => heardOf(other!) === 2);
  const { port } = one!.admin!;
  await one!.shutdown(0);
  await Promise.all(streams.map((stream) => stream.text().catch(() => {})));
  await until("they are forgotten", () => heardOf(other!) === 0);
  assert.match(await kept.text(), /data: \[DONE\]/);

  const urls = peered.simulators.map(({ url }) => url);
  await using next = await startPeered(urls, port, [`http://127.0.0.1:${other!.admin!.port}`]);
  await until("they are peers again", () => other!.view().peers.every(({ up }) => up));
  const stream = await ask(next.url, { tokens: 100, stream: true });
  await until("the successor is heard", () => heardOf(other!) === 1);
  await stream.text();
});

Deno.test("a peer that never answers holds nothing up", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const conn of listener) held.push(conn);
  })();
  try {
    await using peered = await startPeeredRouters({
      more: [`http://127.0.0.1:${listener.addr.port}`, `http://127.0.0.1:${freePort()}`],
    });
    const [one, other] = peered.routers;
    await until(
      "the others are peers",
      () => one!.view().peers.filter(({ up }) => up).length === 1,
    );
    const stream = await ask(one!.url, { tokens: 200, stream: true });
    await until("it is known", () => heardOf(other!) === 1);
    await stream.text();
    const [, silent, absent] = one!.view().peers;
    assert.ok(!silent!.up && !absent!.up && absent!.problem);
    await until(
      "the silent one is away",
      () => one!.view().peers[1]!.problem === "it doesn't answer",
    );
  } finally {
    listener.close();
    for (const conn of held) conn.close();
    await accepting;
  }
});
