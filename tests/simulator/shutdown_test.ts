import assert from "node:assert/strict";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { chat, events, post, RawClient, start, test, until } from "./helpers.ts";

const LONG = { max_tokens: 5000, ignore_eos: true };
const NEVER_DONE = { ...LONG, stream: true };

/** Sends a request on its own connection, which closes after the answer. */
async function send(simulator: Simulator, path: string, body: unknown): Promise<RawClient> {
  const client = await RawClient.connect(simulator);
  await client.sendJson(path, body, "connection: close\r\n");
  return client;
}

/** Sends a request while the only place is taken, and waits until it is queued. */
async function sendQueued(simulator: Simulator, path: string, body: unknown): Promise<RawClient> {
  const { waiting } = simulator.state();
  const client = await send(simulator, path, body);
  await until(() => simulator.state().waiting === waiting + 1);
  return client;
}

async function refuses(simulator: Simulator): Promise<boolean> {
  try {
    (await RawClient.connect(simulator))[Symbol.dispose]();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}

/** Returns the body of a chunked answer. */
const bodyOf = (text: string) =>
  text.slice(text.indexOf("\r\n\r\n") + 4).replace(/(^|\r\n)[0-9a-f]+\r\n/g, "");

test("terminated by abort ends open requests as if complete, and the port refuses", async () => {
  await using simulator = await start({ maxNumSeqs: 2 });
  using stream = await send(simulator, "/v1/chat/completions", chat("A", NEVER_DONE));
  await stream.readUntil('"content":"');
  using whole = await send(simulator, "/v1/chat/completions", chat("B", LONG));
  await until(() => simulator.state().running === 2);
  using queued = await sendQueued(simulator, "/v1/chat/completions", chat("C", NEVER_DONE));
  using message = await sendQueued(simulator, "/v1/messages", chat("D", NEVER_DONE));
  using response = await sendQueued(simulator, "/v1/responses", { input: "E", stream: true });
  await simulator.setFault({ kind: "terminated" });

  assert.match(await stream.readToEnd(), /"finish_reason":"abort"[^]*data: \[DONE\]/);
  const document = await whole.readToEnd();
  assert.match(document, /^HTTP\/1.1 200 [^]*"finish_reason":"abort"/);
  const chunks = events(bodyOf(await queued.readToEnd()).replace(/\r\n/g, ""));
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  assert.equal(chunks[0].choices[0].finish_reason, null);
  assert.deepEqual(chunks.slice(1), ["[DONE]"]);
  const ofMessage = await message.readToEnd();
  assert.match(ofMessage, /"stop_reason":"end_turn"[^]*"output_tokens":0[^]*message_stop/);
  assert.doesNotMatch(ofMessage, /text_delta/);
  const ofResponse = await response.readToEnd();
  assert.match(ofResponse, /response.completed[^]*"output":\[\][^]*"status":"completed"/);
  assert.doesNotMatch(ofResponse, /output_item/);
  assert.ok(await refuses(simulator));
});

test("terminated by error answers 500, also within streams", async () => {
  await using simulator = await start();
  using stream = await send(simulator, "/v1/chat/completions", chat("A", NEVER_DONE));
  await stream.readUntil('"content":"');
  using whole = await send(simulator, "/v1/chat/completions", chat("B", LONG));
  await until(() => simulator.state().running === 2);
  await simulator.setFault({ kind: "terminated", how: "error" });
  assert.match(await stream.readToEnd(), /"code":500}}[^]*\[DONE\]/);
  assert.match(await whole.readToEnd(), /^HTTP\/1.1 500 /);
  assert.ok(await refuses(simulator));
  assert.equal(simulator.state().running, 0);
});

test("terminated by silence sends nothing more until the server is back", async () => {
  await using simulator = await start();
  using stream = await send(simulator, "/v1/chat/completions", chat("A", NEVER_DONE));
  await stream.readUntil('"content":"');
  await simulator.setFault({ kind: "terminated", how: "silence" });
  assert.ok(await refuses(simulator));
  const { generationTokens, running } = simulator.state();
  assert.equal(running, 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(simulator.state().generationTokens, generationTokens);
  await simulator.setFault(null);
  assert.doesNotMatch(await stream.readToEnd(), /finish_reason":"|DONE/);
  const answer = await post(simulator, "/v1/chat/completions", chat("B", { max_tokens: 2 }));
  assert.equal(answer.status, 200);
  await answer.body?.cancel();
});

test("a draining server finishes open requests, is healthy and answers 500 to others", async () => {
  await using simulator = await start({ maxNumSeqs: 1 });
  const short = { max_tokens: 2_000, ignore_eos: true, stream: true };
  using running = await send(simulator, "/v1/chat/completions", chat("A", short));
  await running.readUntil('"content":"');
  using queued = await sendQueued(simulator, "/v1/chat/completions", chat("B", short));
  await simulator.setFault({ kind: "draining", seconds: 60 });
  const health = await fetch(`${simulator.url}/health`);
  assert.equal(health.status, 200);
  await health.body?.cancel();
  const refused = await post(simulator, "/v1/chat/completions", chat("C", short));
  assert.equal(refused.status, 500);
  assert.deepEqual(await refused.json(), {
    error: {
      message: "cannot schedule new futures after shutdown",
      type: "InternalServerError",
      param: null,
      code: 500,
    },
  });
  assert.match(await running.readToEnd(), /"finish_reason":"length"/);
  assert.match(await queued.readToEnd(), /"finish_reason":"length"/);
  await until(() => refuses(simulator));
  await simulator.setFault(null);
  assert.equal(await refuses(simulator), false);
});

test("requests that outlast the drain timeout are aborted", async () => {
  await using simulator = await start();
  using stream = await send(simulator, "/v1/chat/completions", chat("A", NEVER_DONE));
  await stream.readUntil('"content":"');
  await simulator.shutDown(0.05);
  assert.match(await stream.readToEnd(), /"finish_reason":"abort"/);
  assert.ok(await refuses(simulator));
});
