import assert from "node:assert/strict";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { PING, PONG } from "../../src/http/ws/frames.ts";
import { connectRaw, echo, startRawRealtime } from "../support/realtime.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";
import { deadUrl } from "../support/upstream.ts";

const UPDATE = { type: "session.update", model: "m" };
const APPEND = { type: "input_audio_buffer.append", audio: "AAAA" };
const COMMIT = { type: "input_audio_buffer.commit" };

const inFlight = (router: Awaited<ReturnType<typeof startRouter>>) =>
  router.fleet.servers.reduce((sum, server) => sum + server.inFlight, 0);

Deno.test("a WebSocket client transcribes with ?model=, and its server's session is its own", async () => {
  await using simulator = await startSimulator({ models: ["m"] });
  await using router = await startRouter([simulator]);
  const socket = new WebSocket(`${router.url.replace("http", "ws")}/v1/realtime?model=m`);
  const events: { readonly type: string; readonly text?: string }[] = [];
  socket.onmessage = ({ data }) => void events.push(JSON.parse(data));
  const closed = new Promise((resolve) => socket.onclose = resolve);
  await until("the session was created", () => events[0]?.type === "session.created");
  const audio = btoa("\0".repeat(32_000));
  const sent = [
    UPDATE,
    { type: "input_audio_buffer.append", audio },
    COMMIT,
    { ...COMMIT, final: true },
  ];
  for (const event of sent) socket.send(JSON.stringify(event));
  await until("it is transcribed", () => events.at(-1)?.type === "transcription.done");
  assert.ok(events.some(({ type }) => type === "transcription.delta"));
  assert.equal(inFlight(router), 1);
  socket.close(1000);
  await closed;
  await until("it is over", () => inFlight(router) === 0);
});

Deno.test("without ?model= the first session.update chooses, and early audio is kept for it", async () => {
  await using server = startRawRealtime(echo);
  await using router = await startRouter([server]);
  using client = await connectRaw(router.url);
  const { type, id, created, ...others } = await client.event();
  assert.deepEqual([type, others], ["session.created", {}]);
  assert.match(String(id), /^sess-[0-9a-f]{32}$/);
  assert.ok(Number.isInteger(created));
  assert.equal(inFlight(router), 0);
  await client.send(APPEND);
  await client.send(UPDATE);
  for (const event of [APPEND, UPDATE]) {
    assert.deepEqual(await client.event(), {
      type: "transcription.delta",
      delta: JSON.stringify(event),
    });
  }
  assert.equal(inFlight(router), 1);
});

Deno.test("before it has a model, a session answers errors as vLLM does and goes on", async () => {
  await using server = startRawRealtime(echo);
  await using router = await startRouter([server]);
  using client = await connectRaw(router.url);
  await client.event();
  for (
    const [event, code] of [
      ["{", "invalid_json"],
      [COMMIT, "model_not_validated"],
      [{ type: "session.update" }, "invalid_event"],
      [{ type: "response.create" }, "unknown_event"],
      [{ ...UPDATE, model: "none" }, "model_not_found"],
    ] as const
  ) {
    await client.send(event);
    const answer = await client.event();
    assert.deepEqual([answer.type, answer.code, typeof answer.error], ["error", code, "string"]);
  }
  await client.send(UPDATE);
  assert.equal((await client.event()).type, "transcription.delta");
});

Deno.test("an alias is replaced by the name of the model that runs", async () => {
  await using server = startRawRealtime(echo);
  const models = { models: { aliases: { "whisper-1": "m" } } };
  await using router = await startRouter([server], {}, {}, models);
  for (const target of ["/v1/realtime?model=whisper-1", "/v1/realtime"]) {
    using client = await connectRaw(router.url, target);
    await client.event();
    for (const model of ["whisper-1", "else"]) {
      await client.send({ ...UPDATE, model });
      const { delta } = await client.event();
      assert.deepEqual(JSON.parse(String(delta)), {
        ...UPDATE,
        model: model === "whisper-1" ? "m" : model,
      });
    }
  }
});

Deno.test("a server that can't be dialed is passed over", async () => {
  await using refusing = startRawRealtime(echo, "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
  await using server = startRawRealtime(echo);
  await using router = await startRouter([refusing, server], { policy: "round_robin" });
  for (const target of ["/v1/realtime?model=m", "/v1/realtime"]) {
    for (let i = 0; i < 2; i++) {
      using client = await connectRaw(router.url, target);
      assert.equal((await client.event()).type, "session.created");
      await client.send(UPDATE);
      assert.equal((await client.event()).type, "transcription.delta");
    }
  }
  assert.ok(refusing.handshakes.length > 0);
  await until("all are over", () => inFlight(router) === 0);
});

Deno.test("a session for which there is no server is refused before the upgrade", async () => {
  await using noRealtime = startRawRealtime(
    echo,
    "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
  );
  await using router = await startRouter([noRealtime]);
  for (
    const [target, status] of [["/v1/realtime?model=m", 501], [
      "/v1/realtime?model=x",
      404,
    ]] as const
  ) {
    using client = await connectRaw(router.url, target);
    assert.match(client.answer, new RegExp(`^HTTP/1.1 ${status} `));
  }
  await until("the failure is shown, with what the client was told", () => {
    const { failures } = router.view();
    return failures.length === 1 && /403 to its handshake/.test(failures[0]!.reason);
  });
  await using without = await startRouter([{ url: deadUrl(), models: ["m"] }]);
  using client = await connectRaw(without.url, "/v1/realtime?model=m");
  assert.match(client.answer, /^HTTP\/1.1 50[23] /);
  using late = await connectRaw(without.url);
  await late.event();
  await late.send(UPDATE);
  assert.equal((await late.event()).type, "error");
  assert.ok([1011, 1013].includes((await late.closeCode())!));
});

Deno.test("a server that dies in the session is reported by an error event and 1011", async () => {
  await using server = startRawRealtime(async (end) => {
    await end.send({ type: "session.created" });
    await end.frame();
  });
  await using router = await startRouter([server]);
  using client = await connectRaw(router.url, "/v1/realtime?model=m");
  await client.event();
  await client.send(UPDATE);
  const { type, code, error } = await client.event();
  assert.deepEqual([type, code, typeof error], ["error", "server_error", "string"]);
  assert.equal(await client.closeCode(), 1011);
  await until("it is over", () => inFlight(router) === 0);
});

Deno.test("closes pass through in both directions", async () => {
  let seen: number | undefined;
  await using server = startRawRealtime(async (end) => {
    await end.frame();
    seen = await end.closeCode();
  });
  await using closing = startRawRealtime(async (end) => {
    await end.frame();
    await end.send(new Uint8Array([0x0f, 0xa1, 0x68, 0x69]), 8);
    await end.frame();
  });
  await using router = await startRouter([server]);
  using client = await connectRaw(router.url, "/v1/realtime?model=m");
  await client.send(UPDATE);
  await client.send(new Uint8Array([0x0b, 0xb8]), 8);
  assert.equal(await client.closeCode(), 3000);
  await until("the server was told", () => seen === 3000);
  await using other = await startRouter([closing]);
  using told = await connectRaw(other.url, "/v1/realtime?model=m");
  await told.send(UPDATE);
  assert.equal(await told.closeCode(), 4001);
});

Deno.test("a client that leaves, by a reset or its half close, releases its server", async () => {
  await using server = startRawRealtime(echo);
  await using router = await startRouter([server]);
  for (const target of ["/v1/realtime?model=m", "/v1/realtime"]) {
    for (const leave of ["close", "closeWrite"] as const) {
      using client = await connectRaw(router.url, target);
      await client.event();
      await client.send(UPDATE);
      await client.event();
      assert.equal(inFlight(router), 1);
      if (leave === "close") client[Symbol.dispose]();
      else await client.conn.closeWrite();
      await until("it is over", () => inFlight(router) === 0);
    }
  }
});

Deno.test("the router answers pings, and long messages arrive as they were sent", async () => {
  await using server = startRawRealtime(echo);
  await using router = await startRouter([server]);
  using client = await connectRaw(router.url, "/v1/realtime?model=m");
  await client.event();
  await client.send("are you there", PING);
  const pong = await client.frame();
  assert.equal(pong?.opcode, PONG);
  assert.equal(new TextDecoder().decode(pong.payload), "are you there");
  let seen = "";
  await using counting = startRawRealtime(async (end) => {
    for (;;) {
      const frame = await end.frame();
      if (!frame) return;
      seen += new TextDecoder().decode(frame.payload);
      if (frame.isLast) await end.send({ type: "transcription.done" });
    }
  });
  await using second = await startRouter([counting]);
  using sender = await connectRaw(second.url, "/v1/realtime?model=m");
  const long = "0123456789".repeat(100_000);
  await sender.send(long.slice(0, 7), 1, false);
  await sender.send("", 0, false);
  await sender.send(long.slice(7), 0, true);
  await sender.event();
  assert.equal(seen, long);
});
