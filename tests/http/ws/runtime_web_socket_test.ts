import assert from "node:assert/strict";
import { RuntimeWebSocket } from "../../../src/http/ws/runtime_web_socket.ts";
import { BadMessage } from "../../../src/http/ws/web_socket.ts";

Deno.test("a client that is ahead by many empty messages is closed", async () => {
  const { promise: accepted, resolve: accept } = Promise.withResolvers<RuntimeWebSocket>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    accept(new RuntimeWebSocket(socket, 1024));
    return response;
  });
  const client = new WebSocket(`ws://127.0.0.1:${server.addr.port}`);
  const closed = new Promise((resolve) => client.onclose = resolve);
  client.onopen = () => {
    for (let i = 0; i < 100_000; i++) client.send("");
    client.close();
  };
  const socket = await accepted;
  await Promise.race([socket.lost, closed]);
  await assert.rejects(socket.read(), BadMessage);
  socket.drop();
  await closed;
  await server.shutdown();
});
