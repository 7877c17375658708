import assert from "node:assert/strict";
import type { Simulator } from "../../../src/simulator/simulator.ts";
import { chat, metrics, RawClient, start, test, until } from "../helpers.ts";

const LONG = { max_tokens: 5000, ignore_eos: true };

/** Checks that one request is aborted and holds no resources. */
async function assertAborted(simulator: Simulator, running = 0): Promise<void> {
  await until(() => simulator.state().aborted === 1);
  const { running: left, waiting, finished, failed } = simulator.state();
  assert.deepEqual([left, waiting, finished, failed], [running, 0, 0, 0]);
  const page = await metrics(simulator);
  assert.equal(
    page.get(`vllm:request_success_total{finished_reason="abort"}`),
    1,
  );
}

test("a client that leaves while its request is queued frees its place", async () => {
  await using simulator = await start({ maxNumSeqs: 1 });
  using running = await RawClient.connect(simulator);
  await running.sendJson(
    "/v1/chat/completions",
    chat("First", { ...LONG, stream: true }),
  );
  await running.readUntil("delta");
  {
    using waiting = await RawClient.connect(simulator);
    await waiting.sendJson(
      "/v1/chat/completions",
      chat("Second", { ...LONG, stream: true }),
    );
    await waiting.readUntil("200 OK");
    await until(() => simulator.state().waiting === 1);
  }
  await assertAborted(simulator, 1);
});

test("a client that leaves before the first token frees the sequence", async () => {
  await using simulator = await start({
    prefillTokensPerSecond: 100,
    speed: 1,
  });
  {
    using client = await RawClient.connect(simulator);
    await client.sendJson(
      "/v1/chat/completions",
      chat("long ".repeat(500), { stream: true }),
    );
    await client.readUntil("200 OK");
    await until(() => simulator.state().running === 1);
  }
  await assertAborted(simulator);
});

test("a client that leaves mid-stream frees the sequence", async () => {
  await using simulator = await start();
  {
    using client = await RawClient.connect(simulator);
    await client.sendJson(
      "/v1/chat/completions",
      chat("Hello", { ...LONG, stream: true }),
    );
    await client.readUntil("delta");
  }
  await assertAborted(simulator);
  assert.equal((await metrics(simulator)).get("vllm:kv_cache_usage_perc"), 0);
});

test("a client that leaves while waiting for a document frees the sequence", async () => {
  await using simulator = await start();
  {
    using client = await RawClient.connect(simulator);
    await client.sendJson("/v1/chat/completions", chat("Hello", LONG));
    await until(() => simulator.state().running === 1);
  }
  await assertAborted(simulator);
});

test("a client that leaves before its body is complete is not counted as a request", async () => {
  await using simulator = await start();
  {
    using client = await RawClient.connect(simulator);
    await client.send(
      "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 100\r\n\r\n{",
    );
    await until(() => simulator.state().openConnections === 1);
  }
  await until(() => simulator.state().openConnections === 0);
  assert.equal(simulator.state().received, 0);
});

test("a client that stops reading and leaves frees the sequence", async () => {
  await using simulator = await start({ speed: 1000, maxModelLen: 100_000 });
  {
    using client = await RawClient.connect(simulator);
    const body = chat("Hello", {
      max_tokens: 90_000,
      ignore_eos: true,
      stream: true,
    });
    await client.sendJson("/v1/chat/completions", body);
    await until(() => simulator.state().generationTokens > 2000);
  }
  await assertAborted(simulator);
});

test("more requests than maxNumSeqs wait, and a full queue answers 503", async () => {
  await using simulator = await start({ maxNumSeqs: 2, maxQueued: 3 });
  const clients: RawClient[] = [];
  try {
    for (let index = 0; index < 5; index++) {
      const client = await RawClient.connect(simulator);
      clients.push(client);
      await client.sendJson(
        "/v1/chat/completions",
        chat("Hello", { ...LONG, stream: true }),
      );
      await client.readUntil("200 OK");
    }
    await until(() => simulator.state().running === 2 && simulator.state().waiting === 3);
    const page = await metrics(simulator);
    assert.equal(
      page.get(`vllm:num_requests_waiting_by_reason{reason="capacity"}`),
      3,
    );
    const response = await fetch(`${simulator.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: "x" }),
    });
    assert.equal(response.status, 503);
    assert.equal((await response.json()).error.code, 503);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
  await until(() => simulator.state().aborted === 5);
  assert.equal(simulator.state().running + simulator.state().waiting, 0);
});
