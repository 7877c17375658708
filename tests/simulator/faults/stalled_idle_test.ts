import assert from "node:assert/strict";
import { chat, metrics, RawClient, start, test, until } from "../helpers.ts";

const STREAM = chat("Hello", { stream: true, max_tokens: 20, ignore_eos: true });
const RUNNING = "vllm:num_requests_running";
const WAITING = "vllm:num_requests_waiting";

test("an engine that hangs while idle sends only heads and counts nothing", async () => {
  await using simulator = await start({ metricsAtStepEnd: true });
  using busy = await RawClient.connect(simulator);
  await busy.sendJson("/v1/chat/completions", { ...STREAM, max_tokens: 3_000 });
  await busy.readUntil("delta");
  await simulator.setFault({ kind: "stalled_idle" });
  await busy.readUntil("[DONE]");
  const { generationTokens } = simulator.state();

  using client = await RawClient.connect(simulator);
  await client.sendJson("/v1/chat/completions", STREAM);
  assert.match(await client.readUntil("\r\n\r\n"), /200 OK[^]*\r\n\r\n$/);
  {
    using gone = await RawClient.connect(simulator);
    await gone.sendJson("/v1/chat/completions", STREAM);
    await gone.readUntil("200 OK");
  }
  await until(() => simulator.state().aborted === 1);
  const page = await metrics(simulator);
  assert.deepEqual([page.get(RUNNING), page.get(WAITING)], [0, 0]);
  for (const path of ["/health", "/v1/models"]) {
    const response = await fetch(simulator.url + path);
    assert.equal(response.status, 200);
    await response.body?.cancel();
  }
  assert.equal(simulator.state().generationTokens, generationTokens);

  await simulator.setFault(null);
  await client.readUntil("[DONE]");
  assert.equal(simulator.state().finished, 2);
});

test("an engine that hangs while busy keeps reporting its last state", async () => {
  await using simulator = await start({ metricsAtStepEnd: true });
  using client = await RawClient.connect(simulator);
  await client.sendJson("/v1/chat/completions", { ...STREAM, max_tokens: 3_000 });
  await client.readUntil("delta");
  await simulator.setFault({ kind: "stalled" });
  assert.equal((await metrics(simulator)).get(RUNNING), 1);
  await simulator.setFault(null);
  await client.readUntil("[DONE]");
});
