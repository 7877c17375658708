import assert from "node:assert/strict";
import type { Exchange } from "../../../src/http/exchange.ts";
import { startOwnListener } from "../../../src/http/h1/own_listener.ts";
import type { Refusal } from "../../../src/http/h1/request_head.ts";
import { connectRaw, type RawAnswer } from "../../security/raw_client.ts";

const encoder = new TextEncoder();

/** Answers with the body it was sent, or as its target says. */
async function echo(exchange: Exchange): Promise<void> {
  const { body, target } = exchange;
  if (target === "/unread") return exchange.respond(404, [], undefined);
  let text = "";
  for (let piece; (piece = await body.read());) text += new TextDecoder().decode(piece);
  if (target !== "/stream") return exchange.respond(200, [], encoder.encode(text));
  await exchange.begin(200, []);
  for (const letter of text) await exchange.write(encoder.encode(letter));
  exchange.end();
}

function start(forward: (exchange: Exchange) => Promise<void> = echo) {
  const refused: (Refusal & { readonly address: string })[] = [];
  const errors: unknown[] = [];
  const listener = startOwnListener({
    hostname: "127.0.0.1",
    port: 0,
    service: {
      forward: (exchange) => exchange.method === "POST" ? forward(exchange) : undefined,
      answer: ({ method }) => new Response(`${method} answered`),
    },
    onRefused: (refusal, address) => refused.push({ ...refusal, address }),
    onError: (error) => errors.push(error),
  });
  return Object.assign(listener, {
    refused,
    async [Symbol.asyncDispose]() {
      await listener.drain(0, () => {});
      assert.deepEqual(errors, []);
    },
  });
}

function post(body: string, { target = "/", version = "1.1", lines = "" } = {}): string {
  return `POST ${target} HTTP/${version}\r\nHost: a\r\n${lines}` +
    `Content-Length: ${body.length}\r\n\r\n${body}`;
}

const connectionOf = (answer: RawAnswer | undefined) =>
  answer?.headers.find(([name]) => name === "connection")?.[1];

Deno.test("pipelined requests are answered in order, each once the one before it is", async () => {
  const begun: string[] = [];
  const first = Promise.withResolvers<void>();
  await using listener = start(async (exchange) => {
    begun.push(exchange.target);
    if (exchange.target === "/0") await first.promise;
    await echo(exchange);
  });
  await using connection = await connectRaw(listener.port);
  const targets = Array.from({ length: 10 }, (_, i) => `/${i}`);
  await connection.send(targets.map((target) => post(target, { target })).join(""));
  // Another connection is served meanwhile.
  await using other = await connectRaw(listener.port);
  await other.send(post("other", { target: "/other" }));
  assert.equal((await other.answer())?.body, "other");
  assert.deepEqual(begun.filter((target) => target !== "/other"), ["/0"]);
  first.resolve();
  for (const target of targets) assert.equal((await connection.answer())?.body, target);
});

Deno.test("a client is told to continue once its body is wanted, and not before", async () => {
  await using listener = start();
  const expecting = (target: string) =>
    post("", { target, lines: "Expect: 100-continue\r\n" }).replace("h: 0", "h: 2");
  await using wanted = await connectRaw(listener.port);
  await wanted.send(expecting("/"));
  assert.equal((await wanted.answer())?.status, 100);
  await wanted.send("{}");
  assert.equal((await wanted.answer())?.body, "{}");
  // The body may come at once.
  await wanted.send(`${expecting("/")}{}${post("next")}`);
  assert.equal((await wanted.answer())?.body, "{}");
  assert.equal((await wanted.answer())?.body, "next");

  await using unwanted = await connectRaw(listener.port);
  await unwanted.send(expecting("/unread"));
  const answer = await unwanted.answer();
  assert.equal(answer?.status, 404);
  // The client may send the body, or another request.
  assert.equal(connectionOf(answer), "close");
  assert.equal(await unwanted.closed(), "");
});

Deno.test("HTTP/1.0 keeps no connection unless it asks to, and gets no chunks", async () => {
  await using listener = start();
  await using kept = await connectRaw(listener.port);
  await kept.send(post("a", { version: "1.0", lines: "Connection: keep-alive\r\n" }));
  assert.equal(connectionOf(await kept.answer()), "keep-alive");
  await kept.send(post("b", { version: "1.0" }));
  const last = await kept.answer();
  assert.deepEqual([last?.body, connectionOf(last)], ["b", "close"]);
  assert.equal(await kept.closed(), "");

  await using streamed = await connectRaw(listener.port);
  const lines = "Connection: keep-alive\r\n";
  await streamed.send(post("xyz", { target: "/stream", version: "1.0", lines }));
  const text = await streamed.closed();
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n\r\nxyz$/);
  assert.doesNotMatch(text, /transfer-encoding/);
});

Deno.test("HEAD gets a head alone, and the connection goes on", async () => {
  await using listener = start();
  await using connection = await connectRaw(listener.port);
  for (const method of ["HEAD", "GET", "HEAD"]) {
    await connection.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    const answer = await connection.answer(method);
    assert.equal(answer?.status, 200);
    assert.equal(answer.body, method === "GET" ? "GET answered" : "");
  }
});

Deno.test("an upgrade that Java's client offers with a body is ignored", async () => {
  await using listener = start();
  await using connection = await connectRaw(listener.port);
  const lines = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
    "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n";
  for (const body of ["{}", "[]"]) {
    await connection.send(post(body, { lines }));
    const answer = await connection.answer();
    assert.deepEqual([answer?.status, answer?.body, connectionOf(answer)], [200, body, undefined]);
  }
});

Deno.test("what is refused gets a status and a sentence, is reported once, and ends", async () => {
  await using listener = start();
  const long = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(1_000_000)}\r\n\r\n`;
  for (
    const [bytes, status] of [
      ["GET /\r\n\r\n", 400],
      ["GET / HTTP/1.1\r\n\r\n", 400],
      ["GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505],
      ["BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501],
      [post("{}", { lines: "Expect: x\r\n" }), 417],
      // The answer isn't lost although most of this is unread when it is sent.
      [long, 431],
      // Nor is that to a request before it.
      [`${post("{}")}GET\r\n\r\n`, 400],
    ] as const
  ) {
    await using connection = await connectRaw(listener.port);
    await connection.send(bytes);
    let answer = await connection.answer();
    if (bytes.startsWith(post("{}"))) {
      assert.equal(answer?.status, 200);
      answer = await connection.answer();
    }
    assert.equal(answer?.status, status);
    assert.equal(connectionOf(answer), "close");
    const [refusal, ...more] = listener.refused.splice(0);
    assert.deepEqual(more, []);
    assert.deepEqual([refusal?.status, refusal?.address], [status, "127.0.0.1"]);
    const { error } = JSON.parse(answer!.body);
    assert.deepEqual([error.code, error.message], ["bad_request_head", refusal!.sentence]);
    assert.equal(await connection.closed(), "");
  }
});

Deno.test("once it stops, every answer asks to close, also one that began before", async () => {
  const going = Promise.withResolvers<void>();
  await using listener = start(async (exchange) => {
    if (exchange.target === "/slow") await going.promise;
    await echo(exchange);
  });
  await using idle = await connectRaw(listener.port);
  await idle.send(post("a"));
  assert.equal(connectionOf(await idle.answer()), undefined);
  await using busy = await connectRaw(listener.port);
  await busy.send(post("b", { target: "/slow" }));
  await using fresh = await connectRaw(listener.port);

  const asked = listener.askToClose();
  going.resolve();
  await idle.send(post("c"));
  await fresh.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const [connection, body] of [[idle, "c"], [busy, "b"], [fresh, "GET answered"]] as const) {
    const answer = await connection.answer();
    assert.deepEqual([answer?.body, connectionOf(answer)], [body, "close"]);
    assert.equal(await connection.closed(), "");
  }
  await asked;
});

Deno.test("a stop waits for the request in flight", async () => {
  const going = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const listener = start(async (exchange) => {
    entered.resolve();
    await going.promise;
    await echo(exchange);
  });
  await using connection = await connectRaw(listener.port);
  await connection.send(post("whole"));
  await entered.promise;
  const drained = listener.drain(5_000, () => {});
  going.resolve();
  assert.equal((await connection.answer())?.body, "whole");
  await drained;
  assert.equal(await connection.closed(), "");
  await assert.rejects(connectRaw(listener.port), Deno.errors.ConnectionRefused);
});
