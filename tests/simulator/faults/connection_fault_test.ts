import assert from "node:assert/strict";
import { parseFault } from "../../../src/simulator/faults/fault_text.ts";
import type { Simulator } from "../../../src/simulator/simulator.ts";
import { chat, postChat, RawClient, start, test, until } from "../helpers.ts";

const STREAM = chat("Hello", { stream: true, max_tokens: 20, ignore_eos: true });
const DOCUMENT = chat("Hello", { max_tokens: 20, ignore_eos: true });

/** Returns whether connecting succeeds within 300 ms; the kernel retries after a second. */
async function connects(simulator: Simulator): Promise<boolean> {
  const signal = AbortSignal.timeout(300);
  try {
    (await Deno.connect({ port: simulator.port, signal })).close();
    return true;
  } catch (error) {
    assert.ok(signal.aborted, `It was refused instead: ${error}`);
    return false;
  }
}

const onLinux = Deno.build.os === "linux" ? test : () => {};

onLinux("connect_hang lets connections hang and closes idle ones until it is cleared", async () => {
  await using simulator = await start();
  using idle = await RawClient.connect(simulator);
  using busy = await RawClient.connect(simulator);
  await busy.sendJson("/v1/chat/completions", { ...STREAM, max_tokens: 3_000 });
  await busy.readUntil("delta");
  await simulator.setFault({ kind: "connect_hang" });
  assert.equal(await idle.read(), null);
  assert.match(await busy.readToEnd(), /DONE/);
  for (let count = 0; count < 3; count++) assert.equal(await connects(simulator), false);
  await simulator.setFault(null);
  await until(() => connects(simulator));
});

onLinux("a connection that hangs is accepted once connect_hang ends by itself", async () => {
  await using simulator = await start({ fault: parseFault("connect_hang:0.2") });
  using client = await RawClient.connect(simulator);
  await client.sendJson("/v1/chat/completions", STREAM);
  await client.readUntil("[DONE]");
});

onLinux("connect_hang and refuse follow each other, and a server closes under both", async () => {
  await using simulator = await start({ fault: { kind: "connect_hang" } });
  await simulator.setFault({ kind: "refuse" });
  await assert.rejects(() => RawClient.connect(simulator), Deno.errors.ConnectionRefused);
  await simulator.setFault({ kind: "connect_hang" });
  assert.equal(await connects(simulator), false);
});

test("garbled answers with bytes that are not HTTP", async () => {
  await using simulator = await start({ fault: { kind: "garbled" } });
  for (const body of [STREAM, DOCUMENT]) {
    using client = await RawClient.connect(simulator);
    await client.sendJson("/v1/chat/completions", body);
    const text = await client.readToEnd();
    assert.ok(text.length > 0);
    assert.doesNotMatch(text, /HTTP/);
    await assert.rejects(() => postChat(simulator, body), TypeError);
  }
  await until(() => simulator.state().failed === 4);
});

test("wrong_length declares more than it sends, and closes the connection", async () => {
  await using simulator = await start({ fault: parseFault("wrong_length:5") });
  for (const body of [STREAM, DOCUMENT]) {
    using client = await RawClient.connect(simulator);
    await client.sendJson("/v1/chat/completions", body);
    const [head, ...rest] = (await client.readToEnd()).split("\r\n\r\n");
    assert.doesNotMatch(head!, /transfer-encoding/);
    assert.ok(Number(/content-length: (\d+)/.exec(head!)![1]) > rest.join("").length);
    if (body === DOCUMENT) JSON.parse(rest[0]!);
    else assert.equal([...rest[0]!.matchAll(/"delta":\{"content"/g)].length, 5);
  }
  const { failed, running } = simulator.state();
  assert.deepEqual([failed, running], [2, 0]);
});

test("idle_reset drops a request on a reused connection", async () => {
  await using simulator = await start({ fault: { kind: "idle_reset", times: 1 } });
  using client = await RawClient.connect(simulator);
  await client.sendJson("/v1/chat/completions", STREAM);
  await client.readUntil("0\r\n\r\n");
  await client.sendJson("/v1/chat/completions", STREAM);
  assert.equal(await client.read(), null);
  const { finished, failed } = simulator.state();
  assert.deepEqual([finished, failed], [1, 1]);
  using other = await RawClient.connect(simulator);
  for (let count = 0; count < 2; count++) {
    await other.sendJson("/v1/chat/completions", STREAM);
    await other.readUntil("0\r\n\r\n");
  }
});
