import assert from "node:assert/strict";
import { serveConnection } from "../../../src/http/h1/connection.ts";
import type { HeadTimes } from "../../../src/http/h1/next_head.ts";
import { tcpSocket } from "../../../src/http/h1/tcp_socket.ts";
import { connectRaw } from "../../security/raw_client.ts";

/** A time that a test never waits for. */
const LONG_MS = 600_000;

/** Serves one connection, and says what its client gets until it is closed. */
async function serve(times: HeadTimes, sent: readonly string[]): Promise<string> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using client = await connectRaw(listener.addr.port);
  const { ended } = serveConnection(tcpSocket(await listener.accept()), {
    times,
    handle(exchange) {
      exchange.respond(200, [], undefined);
      return Promise.resolve();
    },
    isClosing: () => false,
    onHttp2: () => assert.fail("not HTTP/2"),
    onRefused: () => assert.fail("not refused"),
    onError: (error) => assert.fail(String(error)),
  });
  for (const bytes of sent) await client.send(bytes);
  const got = await client.closed();
  await ended;
  return got;
}

const HEAD = "GET / HTTP/1.1\r\nHost: a\r\n";

Deno.test("a head that isn't whole in time ends its connection", async () => {
  const times = { headMs: 40, idleMs: LONG_MS };
  for (const begun of ["G", "\r\n", HEAD, `${HEAD}\r`]) {
    assert.equal(await serve(times, [begun]), "");
  }
});

Deno.test("the time for a head is from its first byte, however often more come", async () => {
  const times = { headMs: 200, idleMs: LONG_MS };
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using client = await connectRaw(listener.addr.port);
  let isOver = false;
  const { ended } = serveConnection(tcpSocket(await listener.accept()), {
    times,
    handle: () => assert.fail("no request"),
    isClosing: () => false,
    onHttp2: () => assert.fail("not HTTP/2"),
    onRefused: () => assert.fail("not refused"),
    onError: (error) => assert.fail(String(error)),
  });
  void ended.then(() => void (isOver = true));
  await client.send(HEAD);
  for (let sent = 0; !isOver; sent++) {
    assert.ok(sent < 500, "it goes on");
    await client.send("X: y\r\n");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(await client.closed(), "");
});

Deno.test("a connection without a request in time is closed, new or kept", async () => {
  const times = { headMs: LONG_MS, idleMs: 40 };
  assert.equal(await serve(times, []), "");
  assert.match(await serve(times, [`${HEAD}\r\n`]), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
});
