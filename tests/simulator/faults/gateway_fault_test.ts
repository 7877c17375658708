import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import type { Fault, Simulator } from "../../../src/simulator/simulator.ts";
import { chat, events, postChat, RawClient, start, test } from "../helpers.ts";

const STREAM = chat("Hello", { stream: true, max_tokens: 5, ignore_eos: true });
const WHOLE = chat("Hello", { max_tokens: 5, ignore_eos: true });

/** Returns the raw answer to a chat. */
async function raw(simulator: Simulator, body: unknown = STREAM): Promise<string> {
  using client = await RawClient.connect(simulator);
  await client.sendJson("/v1/chat/completions", body, "connection: close\r\n");
  return await client.readToEnd();
}

async function answer(fault: Fault, body: unknown = STREAM) {
  await using simulator = await start({ fault });
  const response = await postChat(simulator, body);
  const type = response.headers.get("content-type");
  return { status: response.status, type, text: await response.text(), headers: response.headers };
}

test("gateway_status answers like a gateway while /health is fine", async () => {
  await using simulator = await start();
  for (const status of [403, 404, 400]) {
    await simulator.setFault({ kind: "gateway_status", status });
    const response = await postChat(simulator, STREAM);
    assert.equal(response.status, status);
    assert.equal(response.headers.get("content-type"), "text/html");
    assert.match(await response.text(), /^<html>/);
  }
  await simulator.setFault({ kind: "gateway_status", status: 401 });
  const unauthorized = await postChat(simulator, STREAM);
  assert.equal(unauthorized.status, 401);
  assert.deepEqual(await unauthorized.json(), { error: "Unauthorized" });
  const health = await fetch(`${simulator.url}/health`);
  assert.equal(health.status, 200);
  await health.body?.cancel();
});

test("status_as_events is an error document with the content type of an event stream", async () => {
  const { status, type, text } = await answer({ kind: "status_as_events", status: 400 });
  assert.equal(status, 400);
  assert.match(type!, /^text\/event-stream/);
  assert.equal(JSON.parse(text).error.code, 400);
});

test("document_as_events is a whole answer with the content type of an event stream", async () => {
  for (const body of [STREAM, WHOLE]) {
    const { status, type, text } = await answer({ kind: "document_as_events" }, body);
    assert.equal(status, 200);
    assert.match(type!, /^text\/event-stream/);
    assert.equal(JSON.parse(text).choices[0].finish_reason, "length");
  }
});

test("error_mid_stream ends a stream cleanly after an error event without [DONE]", async () => {
  const { text } = await answer({ kind: "error_mid_stream", afterTokens: 2 });
  const all = events(text);
  assert.equal(all.length, 4); // the role, two tokens and the error
  assert.equal(all.at(-1).error.code, 500);
});

test("gzip_stream compresses events, and each can be read as it arrives", async () => {
  const { text, headers } = await answer({ kind: "gzip_stream" });
  assert.equal(headers.get("content-encoding"), "gzip");
  assert.equal(events(text).at(-1), "[DONE]");
  await using simulator = await start({ fault: { kind: "gzip_stream" } });
  using client = await RawClient.connect(simulator);
  await client.sendJson("/v1/chat/completions", STREAM, "accept-encoding: identity\r\n");
  const bytes: number[] = [];
  const buffer = new Uint8Array(65536);
  const end = "\r\n0\r\n\r\n";
  const latin1 = new TextDecoder("latin1");
  while (!latin1.decode(Uint8Array.from(bytes)).endsWith(end)) {
    bytes.push(...buffer.subarray(0, await client.tcp.read(buffer) ?? 0));
  }
  const [first] = chunksOf(Uint8Array.from(bytes));
  assert.match(gunzipSync(first!, { finishFlush: 2 }).toString(), /"role":"assistant"/);
});

/** Returns the chunks of an answer. */
function chunksOf(answer: Uint8Array): Uint8Array[] {
  const text = new TextDecoder("latin1").decode(answer);
  const chunks: Uint8Array[] = [];
  for (let at = text.indexOf("\r\n\r\n") + 4;;) {
    const start = text.indexOf("\r\n", at) + 2;
    const size = parseInt(text.slice(at, start), 16);
    if (size === 0) return chunks;
    chunks.push(answer.subarray(start, start + size));
    at = start + size + 2;
  }
}

test("streams are sent as JSON lines, as plain text and without a type", async () => {
  const lines = await answer({ kind: "ndjson_stream" });
  assert.equal(lines.type, "application/x-ndjson");
  const parsed = lines.text.trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(parsed.at(-1).choices[0].finish_reason, "length");
  const plain = await answer({ kind: "plain_stream" });
  assert.match(plain.type!, /^text\/plain/);
  assert.equal(events(plain.text).at(-1), "[DONE]");
  const untyped = await answer({ kind: "untyped_stream" });
  assert.equal(untyped.type, null);
  assert.equal(events(untyped.text).at(-1), "[DONE]");
});

test("comment_after_done sends a comment after the last event", async () => {
  const { text } = await answer({ kind: "comment_after_done" });
  assert.match(text, /data: \[DONE\]\n\n: bye\n\n$/);
});

test("many_headers sends 150 headers", async () => {
  await using simulator = await start({ fault: { kind: "many_headers" } });
  const text = await raw(simulator);
  assert.equal([...text.matchAll(/^x-gateway-\d+: on\r$/gm)].length, 150);
  assert.match(text, /\[DONE\]/);
});

test("/health redirects, and answers late", async () => {
  await using simulator = await start({ fault: { kind: "health_status", status: 302 } });
  const health = () => fetch(`${simulator.url}/health`, { redirect: "manual" });
  const redirect = await health();
  assert.equal(redirect.status, 302);
  assert.equal(redirect.headers.get("location"), "/login");
  await redirect.body?.cancel();
  await simulator.setFault({ kind: "health_slow", seconds: 0.1 });
  const startedAt = performance.now();
  const slow = await health();
  assert.equal(slow.status, 200);
  assert.ok(performance.now() - startedAt > 95);
  await slow.body?.cancel();
  // A health check that times out leaves no timer behind.
  await simulator.setFault({ kind: "health_slow", seconds: 60 });
  await assert.rejects(() => fetch(`${simulator.url}/health`, { signal: AbortSignal.timeout(20) }));
});
