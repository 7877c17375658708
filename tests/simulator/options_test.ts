import assert from "node:assert/strict";
import { chat, post, postChat, RawClient, start, test } from "./helpers.ts";

test("comments fill silence before a stream's first token and while it hangs", async () => {
  await using simulator = await start({
    sseKeepAliveSeconds: 0.02,
    fault: { kind: "hang_mid_stream", afterTokens: 1 },
    interTokenMs: 50 * 100,
  });
  using client = await RawClient.connect(simulator);
  await client.sendJson("/v1/chat/completions", chat("Hello", { stream: true, max_tokens: 5 }));
  const before = await client.readUntil('"content":"');
  assert.match(before, /\r\n\r\n[^]*: keep-alive\n\n[^]*"role"/);
  await client.readUntil(": keep-alive\n\n");
  await client.readUntil(": keep-alive\n\n");
});

test("a stream without silence has no comments", async () => {
  await using simulator = await start({ sseKeepAliveSeconds: 5 });
  const body = chat("Hello", { stream: true, max_tokens: 20, ignore_eos: true });
  assert.doesNotMatch(await (await postChat(simulator, body)).text(), /keep-alive/);
});

test("a poisonous prompt gets a 500 or a reset, and others are served", async () => {
  const poison = chat("Say POISON now", { max_tokens: 1 });
  for (const answer of ["error", "reset"] as const) {
    await using simulator = await start({ poison: { marker: "POISON", answer } });
    if (answer === "error") {
      const response = await postChat(simulator, poison);
      assert.equal(response.status, 500);
      assert.equal((await response.json()).error.code, 500);
    } else {
      using client = await RawClient.connect(simulator);
      await client.sendJson("/v1/chat/completions", poison);
      assert.equal(await client.read(), null);
    }
    const other = await postChat(simulator, chat("Hello", { max_tokens: 1 }));
    assert.equal(other.status, 200);
    await other.body?.cancel();
  }
});

test("adapters and models can be added and removed at run time", async () => {
  await using simulator = await start({ models: ["base"] });
  const listed = async () => {
    const list = await (await fetch(`${simulator.url}/v1/models`)).json();
    return list.data.map(({ id }: { id: string }) => id);
  };
  const ask = async (model: string) => {
    const response = await postChat(simulator, chat("Hello", { model, max_tokens: 1 }));
    return [response.status, (await response.json()).error?.type];
  };
  const change = async (path: string, name?: string) => {
    const response = await post(simulator, path, { lora_name: name, lora_path: "/tmp" });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await change("/v1/load_lora_adapter", "french"), 200);
  assert.equal(await change("/v1/load_lora_adapter", "french"), 400);
  assert.equal(await change("/v1/load_lora_adapter"), 400);
  assert.deepEqual(await listed(), ["base", "french"]);
  assert.deepEqual(await ask("french"), [200, undefined]);
  assert.equal(await change("/v1/unload_lora_adapter", "french"), 200);
  assert.equal(await change("/v1/unload_lora_adapter", "french"), 404);
  assert.deepEqual(await ask("french"), [404, "NotFoundError"]);
  simulator.setModels(["other"]);
  assert.deepEqual(await listed(), ["other"]);
  assert.deepEqual(await ask("base"), [404, "NotFoundError"]);
  simulator.setModels([]);
  assert.deepEqual(await listed(), []);
  assert.match(await (await fetch(`${simulator.url}/metrics`)).text(), /num_requests_running/);
});
