import assert from "node:assert/strict";
import type { Departure, Head } from "../../../src/http/exchange.ts";
import { serveExchange } from "../../../src/http/serve_exchange.ts";
import { Reply } from "../../../src/proxy/response/reply.ts";

const SENT = Promise.resolve();

const encoder = new TextEncoder();
const TOKEN = "data: x\n\n";
const PING = ": keep-alive\n\n";

/** A request whose answer the test writes itself. */
async function answering(
  use: (asked: {
    reply: Reply;
    departure: Departure;
    /** The client's response, once it has begun. */
    response: Promise<Response>;
    /** Answers as a server does: an error whole, anything else piece by piece. */
    answer: (text: string, status?: number, head?: Head) => Promise<void>;
    fail: (error: Error) => void;
    /** The error thrown after the head. */
    errors: unknown[];
    /** Disconnects the client before any head is sent. */
    leave: () => void;
  }) => Promise<void>,
): Promise<void> {
  const client = new AbortController();
  const answered = Promise.withResolvers<void>();
  const errors: unknown[] = [];
  let reply: Reply | undefined;
  let departure: Departure | undefined;
  const response = serveExchange(
    new Request("http://router/", { signal: client.signal }),
    SENT,
    (exchange) => {
      reply = new Reply(exchange, "id");
      departure = exchange.departure;
      return answered.promise;
    },
    (error) => void errors.push(error),
  );
  const answer = async (text: string, status = 200, head: Head = []) => {
    const body = encoder.encode(text);
    if (status !== 200) return reply!.respond(status, head, body);
    await reply!.begin(status, head);
    await reply!.write(body);
    reply!.end();
  };
  await use({
    reply: reply!,
    departure: departure!,
    response,
    answer,
    fail: answered.reject,
    errors,
    leave: () => client.abort(),
  });
  answered.resolve();
}

const open = (reply: Reply) =>
  reply.open(() => [["content-type", "text/event-stream"], ["x-own", "1"]]);

Deno.test("an answer that comes before an early head is sent unchanged", () =>
  answering(async ({ response, answer }) => {
    await answer("x", 404, [["x-own", "2"]]);
    const got = await response;
    assert.deepEqual([got.status, got.headers.get("x-own")], [404, "2"]);
    assert.equal(await got.text(), "x");
  }));

Deno.test("an early head is sent at once with its headers, and the answer's body follows", () =>
  answering(async ({ reply, response, answer }) => {
    open(reply);
    const got = await response;
    assert.deepEqual([got.status, got.headers.get("x-own")], [200, "1"]);
    assert.equal(got.headers.get("content-type"), "text/event-stream");
    void answer(TOKEN + TOKEN, 200, [["x-own", "2"]]);
    assert.equal(await got.text(), TOKEN + TOKEN);
  }));

Deno.test("only the first head counts", () =>
  answering(async ({ reply, response, answer }) => {
    open(reply);
    reply.open(() => assert.fail("it is out"));
    const got = await response;
    assert.equal(got.headers.get("x-own"), "1");
    void answer(TOKEN);
    assert.equal(await got.text(), TOKEN);
  }));

Deno.test("what comes before the first token is passed on in order, before the answer", () =>
  answering(async ({ reply, response, answer }) => {
    assert.equal(reply.hasPreamble, false);
    open(reply);
    reply.pass(encoder.encode(PING), "comment");
    assert.equal(reply.hasPreamble, false);
    reply.pass(encoder.encode("data: created\n\n"), "preamble");
    assert.equal(reply.hasPreamble, true);
    const reader = (await response).body!.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await reader.read()).value, PING);
    assert.equal((await reader.read()).value, "data: created\n\n");
    reply.pass(encoder.encode(PING), "comment");
    assert.equal((await reader.read()).value, PING);
    void answer(TOKEN);
    assert.equal((await reader.read()).value, TOKEN);
    assert.equal((await reader.read()).done, true);
  }));

Deno.test("an error after the head is sent as an event of one line, and the end is not clean", () =>
  answering(async ({ reply, response, answer }) => {
    open(reply);
    void answer(`{\n  "error": {}\r\n}`, 502);
    let text = "";
    const got = await response;
    await assert.rejects(async () => {
      for await (const part of got.body!.pipeThrough(new TextDecoderStream())) text += part;
    }, { name: "BrokenAnswer" });
    assert.equal(text, `data: { "error": {} }\n\n`);
  }));

Deno.test("an answer that breaks after the head breaks the client's answer as well", () =>
  answering(async ({ reply, response, fail, errors }) => {
    open(reply);
    const got = await response;
    const defect = new Error("a defect");
    fail(defect);
    await assert.rejects(got.text(), { name: "BrokenAnswer" });
    assert.deepEqual(errors, [defect]);
  }));

Deno.test("a defect before the head is left to the app to answer", () =>
  answering(async ({ response, fail, errors }) => {
    fail(new Error("a defect"));
    await assert.rejects(response, /a defect/);
    assert.deepEqual(errors, []);
  }));

Deno.test("a client that disconnects before the head is detected", () =>
  answering(async ({ reply, departure, response, leave }) => {
    assert.equal(departure.hasLeft, false);
    leave();
    assert.equal(departure.hasLeft, true);
    reply.abandon();
    assert.equal((await response).status, 499);
  }));

Deno.test("a client that disconnected before the reply was created is detected", async () => {
  const signal = AbortSignal.abort();
  let hasLeft = false;
  const response = serveExchange(
    new Request("http://router/", { signal }),
    SENT,
    (exchange) => {
      ({ hasLeft } = exchange.departure);
      new Reply(exchange, "id").abandon();
      return Promise.resolve();
    },
    () => {},
  );
  await response;
  assert.equal(hasLeft, true);
});

Deno.test("a client that disconnects after the head is detected, and gets nothing more", () =>
  answering(async ({ reply, departure, response, answer }) => {
    open(reply);
    const got = await response;
    await got.body!.cancel();
    assert.equal(departure.hasLeft, true);
    reply.pass(encoder.encode(PING), "comment");
    reply.pass(encoder.encode(TOKEN), "preamble");
    await answer(TOKEN);
  }));

Deno.test("a client that disconnects during the answer ends it", () =>
  answering(async ({ reply, departure, response }) => {
    let told = 0;
    open(reply);
    departure.listeners.add(() => told++);
    const writing = (async () => {
      await reply.begin(200, []);
      while (!departure.hasLeft) await reply.write(encoder.encode(TOKEN));
    })();
    const reader = (await response).body!.getReader();
    await reader.read();
    await reader.cancel();
    await writing;
    assert.equal(departure.hasLeft, true);
    assert.equal(told, 1);
  }));

Deno.test("unread comments are dropped beyond a limit, everything else is kept", () =>
  answering(async ({ reply, response, answer }) => {
    open(reply);
    for (let i = 0; i < 10_000; i++) reply.pass(encoder.encode(PING), "comment");
    reply.pass(encoder.encode("data: created\n\n"), "preamble");
    void answer(TOKEN);
    const text = await (await response).text();
    assert.ok(text.length < 100 * PING.length, `${text.length} bytes`);
    assert.ok(text.endsWith(`data: created\n\n${TOKEN}`));
  }));

Deno.test("a head that the runtime refuses is the app's to answer, and nobody hangs", async () => {
  const response = serveExchange(
    new Request("http://router/"),
    SENT,
    async (exchange) => await exchange.begin(200, [["x-bad", "\u2028"]]),
    () => {},
  );
  await assert.rejects(response, TypeError);
});
