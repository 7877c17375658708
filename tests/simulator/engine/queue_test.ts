import assert from "node:assert/strict";
import type { Simulator } from "../../../src/simulator/simulator.ts";
import { chat, events, post, RawClient, start, test, until } from "../helpers.ts";

const LONG = { max_tokens: 5000, ignore_eos: true, stream: true };

/** Occupies the only running and the only waiting place. */
async function fill(simulator: Simulator): Promise<DisposableStack> {
  const clients = new DisposableStack();
  for (const name of ["running", "waiting"] as const) {
    const client = clients.use(await RawClient.connect(simulator));
    await client.sendJson("/v1/chat/completions", chat(name, LONG));
    await until(() => simulator.state()[name] === 1);
  }
  return clients;
}

/** Sends a request past the queue limit and reads until the connection ends. */
async function pastTheLimit(simulator: Simulator, path: string, body: unknown): Promise<string> {
  using client = await RawClient.connect(simulator);
  await client.sendJson(path, body, "connection: close\r\n");
  return await client.readToEnd();
}

test("past the queue limit a stream gets its head, then the endpoint's error ending", async () => {
  await using simulator = await start({ maxNumSeqs: 1, maxQueued: 1 });
  using _clients = await fill(simulator);

  for (
    const [path, body] of [
      ["/v1/chat/completions", chat("Next", LONG)],
      ["/v1/completions", { prompt: "Next", stream: true }],
    ] as const
  ) {
    const response = await post(simulator, path, body);
    assert.equal(response.status, 200);
    const [error, done, ...rest] = events(await response.text());
    assert.equal(error.error.code, 503);
    assert.deepEqual(Object.keys(error.error), ["message", "type", "param", "code"]);
    assert.deepEqual([done, rest], ["[DONE]", []]);
  }

  const message = await pastTheLimit(simulator, "/v1/messages", chat("Next", LONG));
  assert.match(message, /^HTTP\/1.1 200 /);
  const data = /event: error\ndata: (.*)\n/.exec(message)![1]!;
  const { error } = JSON.parse(data);
  assert.deepEqual(Object.keys(error), ["type", "message"]);
  assert.equal(error.type, "internal_error");
  assert.match(error.message, /'code': 503/);

  const cut = await pastTheLimit(simulator, "/v1/responses", { input: "Next", stream: true });
  assert.match(cut, /^HTTP\/1.1 200 [^]*response.in_progress/);
  assert.doesNotMatch(cut, /error|\r\n0\r\n/);

  const { failed, finished, received } = simulator.state();
  assert.deepEqual([failed, finished, received], [0, 0, 6]);
});

test("past the queue limit a request without streaming gets 503", async () => {
  await using simulator = await start({ maxNumSeqs: 1, maxQueued: 1 });
  using _clients = await fill(simulator);
  for (
    const [path, body] of [
      ["/v1/chat/completions", chat("Next")],
      ["/v1/messages", chat("Next", { max_tokens: 5 })],
      ["/v1/responses", { input: "Next" }],
    ] as const
  ) {
    const response = await post(simulator, path, body);
    assert.equal(response.status, 503, path);
    await response.body?.cancel();
  }
});

test("queue_full does the same without a queue", async () => {
  await using simulator = await start({ fault: { kind: "queue_full", times: 1 } });
  const response = await post(simulator, "/v1/chat/completions", chat("Hello", LONG));
  assert.equal(response.status, 200);
  assert.equal(events(await response.text())[0].error.code, 503);
  const { failed, waiting } = simulator.state();
  assert.deepEqual([failed, waiting], [0, 0]);
});
