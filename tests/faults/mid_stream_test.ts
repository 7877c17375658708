import assert from "node:assert/strict";
import type { Fault } from "../../src/simulator/simulator.ts";
import { ask, eventsOf, inFlight, MODEL, startFleet } from "../support/fleet.ts";
import { chunk, say, startRaw, STREAM_HEAD } from "../support/raw.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";

// The rows of the table in docs/reliability.md for failures after the first token, of streams that
// no other server continues.

/** The bytes before the connection broke; fails if the answer ended cleanly. */
async function brokenText(response: Response): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  await assert.rejects(async () => {
    for await (const bytes of response.body!) text += decoder.decode(bytes, { stream: true });
  }, "the connection ends without a clean end");
  return text;
}

const rows: readonly [string, Fault, string][] = [
  ["death", { kind: "reset_mid_stream", afterTokens: 5 }, "bad_gateway"],
  ["a hang", { kind: "hang_mid_stream", afterTokens: 5 }, "gateway_timeout"],
  [
    "a Content-Length longer than what follows",
    { kind: "wrong_length", afterTokens: 5 },
    "bad_gateway",
  ],
];

for (const [name, fault, type] of rows) {
  Deno.test(`${name} in mid-stream: all bytes so far, an error event, a closed connection, no [DONE]; blamed`, async () => {
    await using fleet = await startFleet({
      servers: [{ fault }, { fault }],
      settings: { request_timeout: 10, chunk_timeout: 1.5, continue_streams: false },
    });
    const response = await ask(fleet.router.url, { stream: true, tokens: 50 });
    assert.equal(response.status, 200);
    const text = await brokenText(response);
    const events = eventsOf(text) as { error?: { code: string; type: string } }[];
    assert.ok(events.length > 5, `${events.length} events`);
    assert.equal(events.at(-1)!.error!.type, type);
    assert.equal(events.at(-1)!.error!.code, "stream_broken");
    assert.ok(!text.includes("[DONE]"));
    await until("nothing is in flight", () => inFlight(fleet.router) === 0);
    const { servers } = fleet.router.fleet.snapshot();
    assert.equal(
      servers.reduce((sum, server) => sum + server.consecutiveFailures, 0),
      1,
      "one server is blamed, and no other was tried",
    );
  });
}

/** What a client reads through a router in front of one server of this kind. */
async function streamFrom(answer: Parameters<typeof startRaw>[0], path: string) {
  await using server = startRaw(answer);
  await using router = await startRouter([{ url: server.url, models: [MODEL] }]);
  const response = await fetch(router.url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: MODEL, stream: true, prompt: "Hello" }),
  });
  const text = await response.text().catch(() => undefined);
  await until("nothing is in flight", () => inFlight(router) === 0);
  return { text, failures: router.fleet.snapshot().servers[0]!.consecutiveFailures };
}

Deno.test("garbled chunks in mid-stream: the same as a dead server", async () => {
  const { text, failures } = await streamFrom(async (connection) => {
    await say(connection, STREAM_HEAD + chunk('data: {"a":1}\n\n') + "no chunk at all\r\n");
  }, "/v1/completions");
  assert.equal(text, undefined, "no clean end");
  assert.equal(failures, 1);
});

Deno.test("a completion that ends cleanly without its [DONE] is a broken one", async () => {
  // Neither a length nor chunks: only the connection's end is visible, as with a dead server.
  const head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
  const cut = async (connection: Deno.Conn) => {
    await say(connection, `${head}data: {"a":1}\n\n`);
    connection.close();
  };
  const whole = async (connection: Deno.Conn) => {
    await say(connection, `${head}data: {"a":1}\n\ndata: [DONE]\n\n`);
    connection.close();
  };
  for (const path of ["/v1/completions", "/v1/chat/completions?x=1"]) {
    assert.deepEqual(await streamFrom(cut, path), { text: undefined, failures: 1 });
    const { text, failures } = await streamFrom(whole, path);
    assert.deepEqual([text?.endsWith("[DONE]\n\n"), failures], [true, 0]);
  }
  // Other kinds of streams end differently.
  assert.equal((await streamFrom(cut, "/v1/responses")).failures, 0);
});

Deno.test("a [DONE] that arrives byte by byte is recognised", async () => {
  const { text, failures } = await streamFrom(async (connection) => {
    await say(connection, STREAM_HEAD);
    for (const letter of 'data: {"a":1}\n\ndata: [DONE]\n\n') await say(connection, chunk(letter));
    await say(connection, "0\r\n\r\n");
  }, "/v1/completions");
  assert.deepEqual([text, failures], ['data: {"a":1}\n\ndata: [DONE]\n\n', 0]);
});

Deno.test("an error that the server itself sends in mid-stream is passed on, and blames the server", async () => {
  const error = `data: {"error":{"message":"engine died","type":"InternalServerError","code":500}}`;
  const { text, failures } = await streamFrom(async (connection) => {
    await say(connection, STREAM_HEAD + chunk('data: {"a":1}\n\n'));
    await say(connection, chunk(`${error}\n\n`) + chunk("data: [DONE]\n\n") + "0\r\n\r\n");
  }, "/v1/completions");
  assert.equal(text, `data: {"a":1}\n\n${error}\n\ndata: [DONE]\n\n`);
  assert.equal(failures, 1);
});

Deno.test("a request that takes longer than total_timeout ends with an error event; the server is not blamed", async () => {
  await using fleet = await startFleet({
    servers: [{ speed: 1, interTokenMs: 50 }],
    settings: { total_timeout: 1.5 },
  });
  const stream = await ask(fleet.router.url, { stream: true, tokens: 1000 });
  const events = eventsOf(await brokenText(stream)) as { error?: { code: string } }[];
  assert.equal(events.at(-1)!.error!.code, "total_timeout");
  const whole = await ask(fleet.router.url, { tokens: 1000 });
  assert.equal(whole.status, 504);
  assert.match((await whole.json()).error.message, /longer than 1\.5 s/);
  assert.equal(fleet.router.fleet.snapshot().servers[0]!.consecutiveFailures, 0);
  await until("the server is freed", () => fleet.simulators[0]!.state().running === 0);
});
