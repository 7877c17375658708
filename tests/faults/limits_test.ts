import assert from "node:assert/strict";
import { ask, inFlight, MODEL, startFleet } from "../support/fleet.ts";
import { say } from "../support/raw.ts";
import { until } from "../support/until.ts";

const MIB = 1024 * 1024;
const encoder = new TextEncoder();

/** A raw connection for a test. */
async function connect(port: number) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(65_536);
  const decoder = new TextDecoder();
  return {
    write: (text: string) => say(connection, text),
    read: async () => decoder.decode(buffer.subarray(0, await connection.read(buffer) ?? 0)),
    [Symbol.dispose]: () => connection.close(),
  };
}

const head = (length: number, more = "") =>
  `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n${more}\r\n`;

Deno.test("past max_in_flight a request gets 503 with Retry-After, and those in flight continue", async () => {
  await using fleet = await startFleet({
    servers: [{ speed: 1 }],
    settings: { max_in_flight: 2 },
  });
  const open = [1, 2].map(() => ask(fleet.router.url, { tokens: 100 }));
  await until("two are in flight", () => inFlight(fleet.router) === 2);
  const third = await ask(fleet.router.url);
  assert.equal(third.status, 503);
  assert.equal(third.headers.get("retry-after"), "1");
  assert.match((await third.json()).error.message, /2 requests in flight/);
  for (const response of open) {
    assert.equal((await (await response).json()).usage.completion_tokens, 100);
  }
  const next = await ask(fleet.router.url);
  assert.equal(next.status, 200, "places are given back");
  await next.body?.cancel();
});

Deno.test("a body that exceeds the free memory gets 503 with Retry-After before it is sent", async () => {
  await using fleet = await startFleet({ servers: [{}], settings: { body_buffer_mib: 1 } });
  using others = new DisposableStack();
  await until("there is no room", async () => {
    // This one takes nearly all of it, unless the next arrives before its end.
    const other = others.use(await connect(fleet.router.port));
    await other.write(head(MIB - 100) + "x".repeat(MIB - 101));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const answer = await ask(fleet.router.url);
    await answer.body?.cancel();
    return answer.status === 503;
  });
  const { received } = fleet.simulators[0]!.state();
  using client = await connect(fleet.router.port);
  await client.write(head(200, "expect: 100-continue\r\n"));
  // The runtime itself sends 100 before the router sees the request; the refusal and the end of
  // the connection follow at once.
  let answer = "";
  while (!answer.includes("\r\n\r\n{")) answer += await client.read();
  assert.match(answer, /^HTTP\/1\.1 503 /m);
  assert.match(answer, /\r\nretry-after: 1\r\n/i);
  assert.match(answer, /\r\nconnection: close\r\n/i);
  assert.equal(fleet.simulators[0]!.state().received, received);
});

Deno.test("clients that declare long bodies and send none block no other client", async () => {
  await using fleet = await startFleet({ servers: [{}], settings: { body_buffer_mib: 1 } });
  const idle = await Promise.all([1, 2, 3].map(() => connect(fleet.router.port)));
  for (const client of idle) await client.write(`${head(MIB)}x`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const answer = await ask(fleet.router.url);
  for (const client of idle) client[Symbol.dispose]();
  assert.equal(answer.status, 200);
  await answer.body?.cancel();
});

Deno.test("a body larger than max_body_mib, or than body_buffer_mib, gets 413 before it is sent", async () => {
  for (const settings of [{ max_body_mib: 1 }, { body_buffer_mib: 1 }]) {
    await using fleet = await startFleet({ servers: [{}], settings });
    using client = await connect(fleet.router.port);
    await client.write(head(MIB + 1));
    assert.match(await client.read(), /^HTTP\/1\.1 413 /);
  }
});

Deno.test("a client that expects 100-continue gets it, and then an answer", async () => {
  await using fleet = await startFleet({ servers: [{}] });
  using client = await connect(fleet.router.port);
  const body = JSON.stringify({ model: MODEL, prompt: "Hello", max_tokens: 3 });
  await client.write(head(body.length, "expect: 100-continue\r\n"));
  assert.match(await client.read(), /^HTTP\/1\.1 100 Continue\r\n/);
  await client.write(body);
  assert.match(await client.read(), /^HTTP\/1\.1 200 /);
});

Deno.test("bodies without a declared length are counted as they arrive, and are released", async () => {
  await using fleet = await startFleet({ servers: [{}], settings: { body_buffer_mib: 1 } });
  const send = (bytes: number) => {
    const parts = [`{"model":"${MODEL}","prompt":"`, "x".repeat(bytes), '","max_tokens":1}'];
    return fetch(`${fleet.router.url}/v1/completions`, {
      method: "POST",
      body: ReadableStream.from(parts.map((part) => encoder.encode(part))),
    });
  };
  for (let i = 0; i < 3; i++) {
    const answer = await send(MIB / 2 - 200);
    assert.notEqual(answer.status, 503);
    await answer.body?.cancel();
  }
  const large = await send(MIB);
  assert.equal(large.status, 413);
  await large.body?.cancel();
  const small = await ask(fleet.router.url);
  assert.equal(small.status, 200);
  await small.body?.cancel();
});
