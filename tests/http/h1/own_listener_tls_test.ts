import assert from "node:assert/strict";
import { once } from "node:events";
import https from "node:https";
import net from "node:net";
import { startOwnListener } from "../../../src/http/h1/own_listener.ts";
import { openSockets } from "../../../src/http/h1/tcp_socket.ts";
import { createAuthority } from "../../security/certificates.ts";
import { connectRaw } from "../../security/raw_client.ts";
import { until } from "../../support/until.ts";

/** What Nagle's algorithm and delayed acknowledgements cost together is 40 ms and more. */
const SHORT_MS = 30;

/** Answers as a stream of two events if asked for `/stream`, else in one piece. */
function start(
  tls: { readonly cert: string; readonly key: string },
  onConnectionFailed?: (reason: string) => void,
) {
  const encoder = new TextEncoder();
  return startOwnListener({
    hostname: "127.0.0.1",
    port: 0,
    tls,
    service: {
      async forward(exchange) {
        while (await exchange.body.read());
        if (exchange.target !== "/stream") {
          return exchange.respond(200, [], encoder.encode("short"));
        }
        await exchange.begin(200, []);
        await exchange.write(encoder.encode("one"));
        await exchange.write(encoder.encode("two"));
        exchange.end();
      },
      answer: () => new Response(),
    },
    onRefused: () => assert.fail("not refused"),
    onConnectionFailed,
    onError: (error) => assert.fail(String(error)),
  });
}

/** Asks over the agent's connection. */
function ask(
  port: number,
  agent: https.Agent,
  path: string,
): Promise<{ body: string; ms: number; isReused: boolean }> {
  const { promise, resolve, reject } = Promise.withResolvers<
    { body: string; ms: number; isReused: boolean }
  >();
  const startedAt = performance.now();
  const request = https.request({ host: "localhost", port, path, agent, method: "POST" });
  request.on("error", reject);
  request.on("response", async (response) => {
    let body = "";
    for await (const piece of response) body += piece;
    resolve({ body, ms: performance.now() - startedAt, isReused: request.reusedSocket });
  });
  request.end("{}");
  return promise;
}

Deno.test("over a kept TLS connection, no answer waits for an acknowledgement", async () => {
  const authority = await createAuthority();
  const listener = start(await authority.issue());
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: authority.ca });
  try {
    for (const [path, expected] of [["/", "short"], ["/stream", "onetwo"]] as const) {
      const times: number[] = [];
      for (let i = 0; i < 21; i++) {
        const { body, ms, isReused } = await ask(listener.port, agent, path);
        assert.equal(body, expected);
        if (path === "/stream" || i > 0) assert.ok(isReused, "the connection is kept");
        times.push(ms);
      }
      // The delay would be in every answer; a busy machine isn't.
      assert.ok(Math.min(...times) < SHORT_MS, `${path}: ${times.map(Math.round)} ms`);
    }
  } finally {
    agent.destroy();
    await listener.drain(0, () => {});
  }
});

Deno.test("a renewed certificate holds for new connections at once, and kept ones go on", async () => {
  const [before, after] = [await createAuthority(), await createAuthority()];
  const listener = start(await before.issue());
  const kept = new https.Agent({ keepAlive: true, maxSockets: 1, ca: before.ca });
  const fresh = new https.Agent({ keepAlive: false, ca: after.ca });
  try {
    await ask(listener.port, kept, "/");
    const { cert, key } = await after.issue();
    assert.throws(() => listener.renew({ cert, key: key.slice(0, 60) }));
    assert.throws(() => listener.renew({ cert: "no certificate", key }));
    await assert.rejects(ask(listener.port, fresh, "/"), /certificate|UnknownIssuer/);
    listener.renew({ cert, key });
    assert.equal((await ask(listener.port, fresh, "/")).body, "short");
    const again = await ask(listener.port, kept, "/");
    assert.deepEqual([again.body, again.isReused], ["short", true]);
  } finally {
    kept.destroy();
    fresh.destroy();
    await listener.drain(0, () => {});
  }
});

Deno.test("a failed handshake is reported, and neither a good one nor a probe of the port is", async () => {
  const failures: string[] = [];
  const [own, strange] = [await createAuthority(), await createAuthority()];
  const listener = start(await own.issue(), (reason) => failures.push(reason));
  const [trusting, distrusting] = [own, strange].map(({ ca }) => new https.Agent({ ca }));
  try {
    const before = openSockets();
    const resetting = net.connect(listener.port, "127.0.0.1");
    await once(resetting, "connect");
    await until("it is accepted", () => openSockets() > before);
    resetting.resetAndDestroy();
    await until("it is closed", () => openSockets() === before);
    for (let i = 0; i < 3; i++) await (await connectRaw(listener.port))[Symbol.asyncDispose]();
    assert.equal((await ask(listener.port, trusting!, "/")).body, "short");
    assert.deepEqual(failures, []);
    await assert.rejects(ask(listener.port, distrusting!, "/"), /certificate|UnknownIssuer/);
    await until("the alert of the client is reported", () => failures.length > 0);
    await using plain = await connectRaw(listener.port);
    await plain.send("GET / HTTP/1.1\r\nHost: router\r\n\r\n");
    await until("plain HTTP is reported", () => failures.length > 1);
    assert.deepEqual(failures, ["tls_handshake", "tls_handshake"]);
  } finally {
    trusting!.destroy();
    distrusting!.destroy();
    await listener.drain(0, () => {});
  }
});

Deno.test("a client that leaves before the end of its handshake holds no connection", async () => {
  const listener = start(await (await createAuthority()).issue());
  const before = openSockets();
  const crowd = await Promise.all([1, 2, 3].map(() => connectRaw(listener.port)));
  await until("they are accepted", () => openSockets() === before + 3);
  for (const connection of crowd) await connection[Symbol.asyncDispose]();
  // The limit of a handshake is 10 s.
  await until("they are closed", () => openSockets() === before, 5_000);
  await listener.drain(0, () => {});
});
