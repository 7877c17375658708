import assert from "node:assert/strict";
import { acceptAll } from "../../../src/http/h1/accept.ts";
import { createConnections } from "../../../src/http/h1/connections.ts";
import type { Connection } from "../../../src/http/h1/connection.ts";

/** Accepts what it is given, in order, then is closed. */
function acceptorOf(results: (number | Error)[]) {
  return {
    accept() {
      const next = results.shift() ?? new Deno.errors.BadResource();
      return typeof next === "number" ? Promise.resolve(next) : Promise.reject(next);
    },
    close() {},
  };
}

Deno.test("accepting goes on after an error, and ends when the listener is closed", async () => {
  const served: number[] = [];
  const errors: unknown[] = [];
  const full = new Error("Too many open files (os error 24)");
  await acceptAll(acceptorOf([1, full, full, 2]), {
    serve: (conn) => served.push(conn),
    room: () => undefined,
    onFailed: (error) => errors.push(error),
  });
  assert.deepEqual(served, [1, 2]);
  assert.deepEqual(errors, [full, full]);
});

Deno.test("a client that leaves before it is accepted is no failure of accepting", async () => {
  const served: number[] = [];
  const gone = new Deno.errors.NotConnected("Transport endpoint is not connected (os error 107)");
  await acceptAll(acceptorOf([gone, 1, new Deno.errors.ConnectionAborted(), 2]), {
    serve: (conn) => served.push(conn),
    room: () => undefined,
    onFailed: (error) => assert.fail(String(error)),
  });
  assert.deepEqual(served, [1, 2]);
});

/** A connection that is idle since a time, or busy. */
function connectionOf(idleSince: number | undefined, closed: (number | undefined)[]): Connection {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  return {
    idleSince,
    ended,
    close() {
      closed.push(idleSince);
      resolve();
    },
  };
}

Deno.test("beyond the limit, the connection that is idle for longest gives way to a new one", async () => {
  const closed: (number | undefined)[] = [];
  const connections = createConnections(3);
  for (const idleSince of [20, undefined, 10]) connections.add(connectionOf(idleSince, closed));
  await connections.room();
  assert.deepEqual(closed, [10]);
  assert.equal(connections.room(), undefined);
  assert.equal(connections.size, 2);
  await connections.closeAll();
  assert.equal(connections.size, 0);
});

Deno.test("if all are busy, a new one waits until one ends", async () => {
  const closed: (number | undefined)[] = [];
  const connections = createConnections(1);
  const busy = connectionOf(undefined, closed);
  connections.add(busy);
  let hasRoom = false;
  const room = connections.room()!.then(() => void (hasRoom = true));
  await Promise.resolve();
  assert.equal(hasRoom, false);
  assert.deepEqual(closed, []);
  busy.close();
  await room;
});
