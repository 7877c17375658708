import assert from "node:assert/strict";
import { readLines } from "../../src/peers/lines.ts";
import { openLink } from "../../src/peers/link.ts";
import { INSTANCE_HEADER } from "../../src/peers/status.ts";
import { until } from "../support/until.ts";

Deno.test("what a peer doesn't read is dropped, and it is told the whole state once it does", async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const heard = { states: 0, bytes: 0 };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const read = async () => {
      await released;
      const lines = readLines(request.body!);
      for (let line; (line = await lines.next().catch(() => undefined)) !== undefined;) {
        heard.bytes += line.length;
        if (line === "state") heard.states++;
      }
      await writable.close();
    };
    void read();
    return new Response(readable, { headers: { [INSTANCE_HEADER]: "peer" } });
  });
  const client = Deno.createHttpClient({});
  const link = openLink(`http://127.0.0.1:${server.addr.port}`, {
    key: undefined,
    linked: () => [],
    hello: "hello\n",
    state: () => "state\n",
    client,
    onChange() {},
  });
  try {
    await until("it is connected", () => link.instance === "peer");
    const line = "x".repeat(1 << 16) + "\n";
    for (let i = 0; i < 1_000; i++) link.send(line);
    release();
    await until("it is told the state again", () => {
      link.send("[]\n");
      return heard.states === 2;
    });
    assert.ok(heard.bytes < 100 * line.length, `${heard.bytes}`);
  } finally {
    await link.close();
    client.close();
    await server.shutdown();
  }
});

/** A peer that reads all lines and ends the connection then, or hangs until its own end. */
function startReader(instance: string, hangs = false) {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  if (!hangs) end();
  let reading: Promise<void> | undefined;
  const heard: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const read = async () => {
      const lines = readLines(request.body!);
      for (let line; (line = await lines.next().catch(() => undefined)) !== undefined;) {
        heard.push(line);
      }
      await ended;
      await writable.close().catch(() => {});
    };
    reading = read();
    return new Response(readable, { headers: { [INSTANCE_HEADER]: instance } });
  });
  const client = Deno.createHttpClient({});
  const link = openLink(`http://127.0.0.1:${server.addr.port}`, {
    key: undefined,
    linked: () => [],
    hello: "hello\n",
    state: () => "state\n",
    client,
    onChange() {},
  });
  return {
    ...{ heard, link },
    async [Symbol.asyncDispose]() {
      end();
      await link.close();
      await reading;
      client.close();
      await server.shutdown();
    },
  };
}

for (const peer of ["reads", "hangs"]) {
  Deno.test(`a link that is closed lets its peer read the last line, and ends if it ${peer}`, async () => {
    await using reader = startReader("peer", peer === "hangs");
    const { link, heard } = reader;
    await until("it is connected", () => link.instance === "peer");
    link.send("last\n");
    await link.close();
    await until("all is read", () => heard.length === 3);
    assert.deepEqual(heard, ["hello", "state", "last"]);
  });
}

Deno.test("a peer that names itself by a text without a bound is told, but isn't known", async () => {
  await using reader = startReader("x".repeat(1_000));
  await until("it is told", () => reader.heard.includes("state"));
  assert.equal(reader.link.instance, undefined);
});

Deno.test("a link that is closed while its peer is away opens nothing more", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  const client = Deno.createHttpClient({});
  const link = openLink(`http://127.0.0.1:${listener.addr.port}`, {
    key: undefined,
    linked: () => [],
    hello: "hello\n",
    state: () => "",
    client,
    onChange() {},
  });
  await until("it has a problem", () => link.problem !== undefined);
  link.send("dropped\n");
  await link.close();
  client.close();
});

Deno.test("a router that refuses is asked again, and isn't told what is in flight", async () => {
  let asked = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    asked++;
    return new Response(null, { status: 409 });
  });
  const client = Deno.createHttpClient({});
  let states = 0;
  const link = openLink(`http://127.0.0.1:${server.addr.port}`, {
    key: undefined,
    linked: () => [],
    hello: "hello\n",
    state: () => `${++states}\n`,
    client,
    onChange() {},
  });
  try {
    await until("it is asked again", () => asked >= 3);
    assert.ok(link.isSpare);
    assert.equal(states, 0);
  } finally {
    await link.close();
    client.close();
    await server.shutdown();
  }
});

for (const when of ["at once", "later"]) {
  Deno.test(`a link whose connection breaks ${when} says so, and opens another`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const head =
      `HTTP/1.1 200 OK\r\n${INSTANCE_HEADER}: peer\r\ntransfer-encoding: chunked\r\n\r\n`;
    const serving = (async () => {
      for await (const conn of listener) {
        await conn.write(new TextEncoder().encode(head));
        if (when === "later") await until("it is connected", () => link.instance === "peer");
        conn.close();
      }
    })();
    const client = Deno.createHttpClient({});
    const problems: (string | undefined)[] = [];
    const link = openLink(`http://127.0.0.1:${listener.addr.port}`, {
      key: undefined,
      linked: () => [],
      hello: "hello\n",
      state: () => "state\n",
      client,
      onChange: ({ problem }) => void problems.push(problem),
    });
    await until("it was opened twice", () => problems.length >= 3);
    assert.deepEqual(problems.slice(0, 3), [undefined, "the connection broke", undefined]);
    await link.close();
    listener.close();
    await serving;
    client.close();
  });
}
