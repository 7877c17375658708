import assert from "node:assert/strict";
import { type Early, withEarlyHead } from "../../../src/proxy/response/early_head.ts";
import { until } from "../../support/until.ts";

const SENT = Promise.resolve();

const encoder = new TextEncoder();
const TOKEN = "data: x\n\n";
const PING = ": keep-alive\n\n";

/** A request whose answer is made by hand. */
async function answering(
  use: (asked: {
    early: Early;
    /** What the client gets, once there is something. */
    response: Promise<Response>;
    answer: (response: Response) => void;
    fail: (error: Error) => void;
    /** The client leaves before any head is out. */
    leave: () => void;
  }) => Promise<void>,
): Promise<void> {
  const client = new AbortController();
  const answered = Promise.withResolvers<Response>();
  let early: Early | undefined;
  const response = withEarlyHead(
    new Request("http://router/", { signal: client.signal }),
    SENT,
    (e) => {
      early = e;
      return answered.promise;
    },
  );
  await use({
    early: early!,
    response,
    answer: answered.resolve,
    fail: answered.reject,
    leave: () => client.abort(),
  });
}

const open = (early: Early) =>
  early.open(() => [["content-type", "text/event-stream"], ["x-own", "1"]]);

Deno.test("an answer that comes before any head is the answer as it is", () =>
  answering(async ({ response, answer }) => {
    const own = new Response("x", { status: 404, headers: { "x-own": "2" } });
    answer(own);
    assert.equal(await response, own);
  }));

Deno.test("a head that is opened goes out at once, with its headers, and the answer's body follows", () =>
  answering(async ({ early, response, answer }) => {
    open(early);
    const got = await response;
    assert.deepEqual([got.status, got.headers.get("x-own")], [200, "1"]);
    assert.equal(got.headers.get("content-type"), "text/event-stream");
    answer(new Response(TOKEN + TOKEN, { headers: { "x-own": "2" } }));
    assert.equal(await got.text(), TOKEN + TOKEN);
  }));

Deno.test("only the first head counts", () =>
  answering(async ({ early, response, answer }) => {
    open(early);
    early.open(() => assert.fail("it is out"));
    const got = await response;
    assert.equal(got.headers.get("x-own"), "1");
    answer(new Response(TOKEN));
    assert.equal(await got.text(), TOKEN);
  }));

Deno.test("what comes before the first token is passed on in its order, before the answer", () =>
  answering(async ({ early, response, answer }) => {
    assert.equal(early.hasPreamble, false);
    open(early);
    early.pass(encoder.encode(PING), "comment");
    assert.equal(early.hasPreamble, false);
    early.pass(encoder.encode("data: created\n\n"), "preamble");
    assert.equal(early.hasPreamble, true);
    const reader = (await response).body!.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await reader.read()).value, PING);
    assert.equal((await reader.read()).value, "data: created\n\n");
    early.pass(encoder.encode(PING), "comment");
    assert.equal((await reader.read()).value, PING);
    answer(new Response(TOKEN));
    assert.equal((await reader.read()).value, TOKEN);
    assert.equal((await reader.read()).done, true);
  }));

Deno.test("an error after the head is told in an event of one line, and the end is not clean", () =>
  answering(async ({ early, response, answer }) => {
    open(early);
    answer(new Response(`{\n  "error": {}\r\n}`, { status: 502 }));
    let text = "";
    const got = await response;
    await assert.rejects(async () => {
      for await (const part of got.body!.pipeThrough(new TextDecoderStream())) text += part;
    }, { name: "BrokenAnswer" });
    assert.equal(text, `data: { "error": {} }\n\n`);
  }));

Deno.test("an answer that breaks after the head breaks the client's as well", () =>
  answering(async ({ early, response, fail }) => {
    open(early);
    const got = await response;
    fail(new Error("a defect"));
    await assert.rejects(got.text(), /a defect/);
  }));

Deno.test("a client that leaves before the head is known to have left", () =>
  answering(async ({ early, response, answer, leave }) => {
    assert.equal(early.clientGone.aborted, false);
    leave();
    assert.equal(early.clientGone.aborted, true);
    answer(new Response(null, { status: 499 }));
    await response;
  }));

Deno.test("a client that has left before it was asked for is known to have left", async () => {
  const signal = AbortSignal.abort();
  await withEarlyHead(new Request("http://router/", { signal }), SENT, ({ clientGone }) => {
    assert.equal(clientGone.aborted, true);
    return Promise.resolve(new Response(null, { status: 499 }));
  });
});

Deno.test("a client that leaves after the head is known to have left, and gets nothing more", () =>
  answering(async ({ early, response, answer }) => {
    open(early);
    const got = await response;
    await got.body!.cancel();
    assert.equal(early.clientGone.aborted, true);
    early.pass(encoder.encode(PING), "comment");
    early.pass(encoder.encode(TOKEN), "preamble");
    answer(new Response(null, { status: 499 }));
  }));

Deno.test("a client that leaves amid the answer ends it", () =>
  answering(async ({ early, response, answer }) => {
    let cancelled = false;
    open(early);
    answer(
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(encoder.encode(TOKEN)),
          cancel: () => void (cancelled = true),
        }),
      ),
    );
    const reader = (await response).body!.getReader();
    await reader.read();
    await reader.cancel();
    await until("ended", () => cancelled);
    assert.equal(early.clientGone.aborted, true);
  }));

Deno.test("of comments that a client doesn't take some are kept, and all that it needs", () =>
  answering(async ({ early, response, answer }) => {
    open(early);
    for (let i = 0; i < 10_000; i++) early.pass(encoder.encode(PING), "comment");
    early.pass(encoder.encode("data: created\n\n"), "preamble");
    answer(new Response(TOKEN));
    const text = await (await response).text();
    assert.ok(text.length < 100 * PING.length, `${text.length} bytes`);
    assert.ok(text.endsWith(`data: created\n\n${TOKEN}`));
  }));
