import assert from "node:assert/strict";
import { openSockets, tcpSocket } from "../../../src/http/h1/tcp_socket.ts";

/** Returns both ends of a connection. */
async function connected(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  return await Promise.all([Deno.connect({ hostname: "127.0.0.1", port }), listener.accept()]);
}

Deno.test("a connection is counted as open until it is closed for the first time", async () => {
  const [near, far] = await connected();
  const before = openSockets();
  const sockets = [tcpSocket(near), tcpSocket(far)];
  assert.equal(openSockets() - before, 2);
  sockets[0]!.close();
  sockets[0]!.close();
  assert.equal(openSockets() - before, 1);
  sockets[1]!.close();
  assert.equal(openSockets(), before);
});

Deno.test("a connection that can't be set up is closed, and not counted", async () => {
  const [near, far] = await connected();
  const before = openSockets();
  near.setNoDelay = () => {
    throw new Deno.errors.NotConnected();
  };
  assert.throws(() => tcpSocket(near), Deno.errors.NotConnected);
  assert.equal(openSockets(), before);
  assert.equal(await far.read(new Uint8Array(1)), null, "the other side sees the end");
  far.close();
});
