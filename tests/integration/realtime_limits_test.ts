import assert from "node:assert/strict";
import { BINARY, CONTINUATION, frameBytes, PING } from "../../src/http/ws/frames.ts";
import { connectRaw, echo, type RawEnd, startRawRealtime } from "../support/realtime.ts";
import { http1, startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";

const UPDATE = { type: "session.update", model: "m" };
const WITH_MODEL = "/v1/realtime?model=m";
const PIECE = new Uint8Array(64 * 1024).fill(97);
const MIB = 1024 * 1024;
const FLOOD = 50 * MIB;

const inFlight = (router: Awaited<ReturnType<typeof startRouter>>) =>
  router.fleet.servers.reduce((sum, server) => sum + server.inFlight, 0);

/** Sends 50 MiB, and counts what the other end has taken. */
async function flood(end: RawEnd, sent: { bytes: number }): Promise<void> {
  while (sent.bytes < FLOOD) {
    await end.send(PIECE, BINARY);
    sent.bytes += PIECE.length;
  }
}

/** Waits until nothing has been taken for a while. */
async function untilStalled(sent: { readonly bytes: number }): Promise<void> {
  let before = -1;
  let since = performance.now();
  await until("nothing more is taken", () => {
    if (sent.bytes !== before) {
      before = sent.bytes;
      since = performance.now();
    }
    return sent.bytes > 0 && performance.now() - since > 500;
  });
}

/** Reads and drops frames until this many bytes have come. */
async function drain(end: RawEnd, count: number): Promise<void> {
  for (let left = count; left > 0;) left -= (await end.frame())!.payload.length;
}

Deno.test({
  name: "a client is read no further than its server reads",
  // The runtime reads on whatever happens: see the next test.
  ignore: http1 === "deno",
  async fn() {
    const go = Promise.withResolvers<void>();
    await using server = startRawRealtime(async (end) => {
      await go.promise;
      await drain(end, FLOOD);
      await end.send({ type: "transcription.done" });
      await end.closeCode();
    });
    await using router = await startRouter([server], { request_timeout: 60 });
    using client = await connectRaw(router.url, WITH_MODEL);
    const before = Deno.memoryUsage().rss;
    const sent = { bytes: 0 };
    const flooding = flood(client, sent);
    await untilStalled(sent);
    assert.ok(sent.bytes < FLOOD - MIB, `${sent.bytes} bytes were taken`);
    assert.ok(Deno.memoryUsage().rss - before < 40 * MIB);
    go.resolve();
    await flooding;
    assert.equal((await client.event()).type, "transcription.done");
    client[Symbol.dispose]();
    await until("it is over", () => inFlight(router) === 0);
  },
});

Deno.test({
  name: "a client that is too far ahead of its server is closed, over the runtime's HTTP/1.1",
  ignore: http1 !== "deno",
  async fn() {
    await using server = startRawRealtime(() => new Promise(() => {}));
    await using router = await startRouter([server], { request_timeout: 60 });
    using client = await connectRaw(router.url, WITH_MODEL);
    const flooding = flood(client, { bytes: 0 }).catch(() => {});
    // What it has sent meanwhile may reset the connection before it reads why.
    assert.ok([1008, undefined].includes(await client.closeCode()));
    await flooding;
    client[Symbol.dispose]();
    await until("it is over", () => inFlight(router) === 0);
  },
});

Deno.test("a server is read no further than its client reads", async () => {
  const sent = { bytes: 0 };
  await using server = startRawRealtime(async (end) => {
    await flood(end, sent);
    await end.closeCode();
  });
  await using router = await startRouter([server], { request_timeout: 60 });
  using client = await connectRaw(router.url, WITH_MODEL);
  await untilStalled(sent);
  assert.ok(sent.bytes < FLOOD - MIB, `${sent.bytes} bytes were taken`);
  await drain(client, FLOOD);
  await client.send(new Uint8Array(), 8);
  await client.closeCode();
  await until("it is over", () => inFlight(router) === 0);
});

Deno.test({
  name: "a client that sends pings and reads nothing is given up",
  // The runtime answers pings, and doesn't tell.
  ignore: http1 === "deno",
  async fn() {
    await using server = startRawRealtime(echo);
    await using router = await startRouter([server], { client_timeout: 1, request_timeout: 60 });
    using client = await connectRaw(router.url, WITH_MODEL);
    const ping = frameBytes(PING, true, new Uint8Array(125), new Uint8Array(4));
    const pings = new Uint8Array(1000 * ping.length);
    for (let at = 0; at < pings.length; at += ping.length) pings.set(ping, at);
    let isOver = false;
    const pinging = (async () => {
      while (!isOver) await client.write(pings);
    })().catch(() => {});
    await until("it is over", () => inFlight(router) === 0);
    isOver = true;
    client[Symbol.dispose]();
    await pinging;
  },
});

Deno.test("a session counts as a request in flight, at the router and at its client's address", async () => {
  await using server = startRawRealtime(echo);
  for (
    const [limits, status] of [
      [{ max_in_flight: 1 }, 503],
      [{ max_in_flight_per_client: 1 }, 429],
    ] as const
  ) {
    await using router = await startRouter([server], limits);
    {
      using client = await connectRaw(router.url, WITH_MODEL);
      await client.event();
      using second = await connectRaw(router.url);
      assert.match(second.answer, new RegExp(`^HTTP/1.1 ${status} `));
    }
    await until("the place is free again", async () => {
      using next = await connectRaw(router.url);
      return next.answer.startsWith("HTTP/1.1 101 ");
    });
  }
});

Deno.test("a session that stays silent, or lasts too long, is ended", async () => {
  await using server = startRawRealtime(echo);
  for (const limits of [{ request_timeout: 0.3 }, { total_timeout: 0.3 }]) {
    await using router = await startRouter([server], limits);
    using client = await connectRaw(router.url, WITH_MODEL);
    await client.event();
    assert.deepEqual((await client.event()).code, "timeout");
    assert.equal(await client.closeCode(), 1008);
    await until("it is over", () => inFlight(router) === 0);
  }
});

Deno.test("a client that names no model in time is told so", async () => {
  await using server = startRawRealtime(echo);
  await using router = await startRouter([server], { client_timeout: 0.3 });
  using client = await connectRaw(router.url);
  await client.event();
  assert.equal((await client.event()).code, "timeout");
  assert.equal(await client.closeCode(), 1008);
});

Deno.test("a client that names models and reads no answers is disconnected", async () => {
  await using server = startRawRealtime(echo);
  await using router = await startRouter([server], { client_timeout: 0.5 });
  using client = await connectRaw(router.url);
  const update = { type: "session.update", model: "n".repeat(1_000) };
  await assert.rejects(async () => {
    for (;;) await client.send(update);
  });
});

Deno.test("audio that comes before the model is kept up to a limit", async () => {
  await using server = startRawRealtime(echo);
  await using router = await startRouter([server]);
  using client = await connectRaw(router.url);
  await client.event();
  const audio = "A".repeat(200_000);
  for (let i = 0; i < 6; i++) await client.send({ type: "input_audio_buffer.append", audio });
  assert.equal(await client.closeCode(), 1009);
});

Deno.test({
  name: "a side that answers no ping is given up, also while the other one sends",
  // The runtime pings its clients every 30 s, which can't be set.
  ignore: http1 === "deno",
  async fn() {
    await using server = startRawRealtime(async (end) => {
      while (await end.conn.write(new Uint8Array([0x81, 2, 0x7b, 0x7d]))) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    await using router = await startRouter([server], { client_timeout: 0.5 });
    using client = await connectRaw(router.url, WITH_MODEL);
    assert.equal(await client.closeCode(), undefined);
    await until("it is over", () => inFlight(router) === 0);

    await using hung = startRawRealtime(async (end) => {
      await end.send({ type: "session.created" });
      await end.rest();
    });
    await using other = await startRouter([hung], { chunk_timeout: 0.5 });
    using second = await connectRaw(other.url, WITH_MODEL);
    await second.event();
    const talking = (async () => {
      while (inFlight(other) > 0) await second.send(UPDATE);
    })().catch(() => {});
    assert.equal((await second.event()).code, "timeout");
    assert.equal(await second.closeCode(), 1011);
    await talking;
  },
});

Deno.test("a message that is longer than max_body_mib is refused", async () => {
  await using server = startRawRealtime(echo);
  await using router = await startRouter([server], { max_body_mib: 1 });
  using client = await connectRaw(router.url, WITH_MODEL);
  await client.event();
  const sending = (async () => {
    await client.send(PIECE, BINARY, false);
    for (let i = 0; i < 20; i++) await client.send(PIECE, CONTINUATION, i === 19);
  })().catch(() => {});
  assert.equal(await client.closeCode(), 1009);
  await sending;
  await until("it is over", () => inFlight(router) === 0);
});

Deno.test("a stopping router lets sessions finish, then closes them in both directions", async () => {
  const codes: (number | undefined)[] = [];
  await using server = startRawRealtime(async (end) => {
    await end.send({ type: "session.created" });
    codes.push(await end.closeCode());
  });
  const router = await startRouter([server]);
  using finishing = await connectRaw(router.url, WITH_MODEL);
  using staying = await connectRaw(router.url, WITH_MODEL);
  using opening = await connectRaw(router.url);
  for (const client of [finishing, staying, opening]) await client.event();
  const stopped = router.shutdown(1_000);
  await finishing.send(new Uint8Array([0x03, 0xe8]), 8);
  assert.equal(await finishing.closeCode(), 1000);
  for (const client of [staying, opening]) {
    assert.equal((await client.event()).code, "service_unavailable");
    assert.equal(await client.closeCode(), 1012);
  }
  staying[Symbol.dispose]();
  opening[Symbol.dispose]();
  await stopped;
  await until("both servers were told", () => codes.length === 2);
  assert.deepEqual(codes, [1000, 1001]);
});

Deno.test("a stop waits for no more than its sessions", async () => {
  await using server = startRawRealtime(echo);
  const router = await startRouter([server]);
  using client = await connectRaw(router.url, WITH_MODEL);
  await client.event();
  const stopped = router.shutdown(600_000);
  await client.send(new Uint8Array([0x03, 0xe8]), 8);
  assert.equal(await client.closeCode(), 1000);
  client[Symbol.dispose]();
  await stopped;
});

Deno.test("a drained server keeps its sessions and gets no new ones", async () => {
  await using one = startRawRealtime(echo);
  await using other = startRawRealtime(echo);
  await using router = await startRouter([
    { url: one.url, name: "one" },
    { url: other.url, name: "other" },
  ], { policy: "round_robin", drain_timeout: 0.1 });
  using client = await connectRaw(router.url, WITH_MODEL);
  await client.event();
  const [name, kept, free] = one.handshakes.length > 0
    ? ["one", one, other] as const
    : ["other", other, one] as const;
  router.fleet.setDrained(name, true);
  for (let i = 0; i < 4; i++) {
    using next = await connectRaw(router.url, WITH_MODEL);
    await next.event();
  }
  assert.deepEqual([kept.handshakes.length, free.handshakes.length], [1, 4]);
  await client.send(UPDATE);
  assert.equal((await client.event()).type, "transcription.delta");
});

Deno.test("a session is counted with its status when it ends", async () => {
  await using server = startRawRealtime(echo);
  await using router = await startRouter([{ url: server.url, name: "one" }]);
  {
    using client = await connectRaw(router.url, WITH_MODEL);
    await client.event();
  }
  await until("it is counted", async () => {
    const page = await (await fetch(`${router.url}/metrics`)).text();
    return page.includes('vllm_router_requests_total{model="m",server="one",code="101"} 1');
  });
});
