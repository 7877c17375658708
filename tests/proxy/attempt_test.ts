import assert from "node:assert/strict";
import {
  type Answer,
  attempt,
  type Attempted,
  type AttemptRequest,
} from "../../src/proxy/attempt.ts";
import { isFailure } from "../../src/fleet/outcome.ts";
import type { Limits } from "../../src/proxy/deadlines.ts";
import { hangConnects } from "../../src/simulator/unreachable.ts";
import { limitsWith } from "../support/limits.ts";
import { chunk, type RawServer, say, startRaw, STREAM_HEAD } from "../support/raw.ts";
import { until } from "../support/until.ts";
import { deadUrl, startSilent } from "../support/upstream.ts";

const encoder = new TextEncoder();
const MIB = 1024 * 1024;
const TOKEN = `data: {"choices":[{"delta":{"content":"x"}}]}\n\n`;
const DONE = "data: [DONE]\n\n";
const failed = (code: number, type = "error") =>
  `data: {"error":{"message":"m","type":"${type}","code":${code}}}\n\n`;

const answerOf = (status: number, body = "", more = "") =>
  `HTTP/1.1 ${status} Said\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;
const streamOf = (...events: string[]) => `${STREAM_HEAD}${events.map(chunk).join("")}${chunk("")}`;

/** Attempts over clients of their own, the second of which has no idle connections. */
async function attempting(
  use: (send: (url: string, more?: Partial<AttemptRequest>) => Promise<Attempted>) => Promise<void>,
): Promise<void> {
  using client = Deno.createHttpClient({ http2: false });
  using freshClient = Deno.createHttpClient({ http2: false, poolMaxIdlePerHost: 0 });
  const answers: Answer[] = [];
  try {
    await use(async (url, more) => {
      const attempted = await attempt({
        url: `${url}/v1/completions`,
        headers: [],
        body: encoder.encode("{}"),
        client,
        freshClient,
        limits: limitsWith(),
        clientGone: new AbortController().signal,
        ...more,
      });
      if (attempted.answer) answers.push(attempted.answer);
      return attempted;
    });
  } finally {
    for (const { rest } of answers) rest?.close();
  }
}

/** What an attempt at a server that says this, and then closes the connection, brings. */
async function attemptAt(
  said: string,
  { hangs = false, limits }: { hangs?: boolean; limits?: Partial<Limits> } = {},
): Promise<Attempted & { requests: number; text: string }> {
  await using server = startRaw(async (connection) => {
    await say(connection, said);
    if (!hangs) connection.close();
  });
  let result: Attempted | undefined;
  await attempting(async (send) =>
    void (result = await send(server.url, { limits: limitsWith(limits) }))
  );
  const text = new TextDecoder().decode(result!.answer?.body);
  return { ...result!, requests: server.requests(), text };
}

Deno.test("a whole answer is there with its end", async () => {
  const { outcome, answer, text } = await attemptAt(answerOf(200, "{}", "x-own: 1\r\n"));
  assert.equal(outcome, "ok");
  assert.equal(answer?.status, 200);
  assert.equal(answer.headers.get("x-own"), "1");
  assert.equal(answer.isStream, false);
  assert.equal(answer.rest, undefined);
  assert.equal(text, "{}");
});

Deno.test("a stream is there with its first event", async () => {
  const { outcome, answer, text } = await attemptAt(STREAM_HEAD + chunk(TOKEN), { hangs: true });
  assert.equal(outcome, "ok");
  assert.equal(answer?.isStream, true);
  assert.ok(answer.rest);
  assert.equal(text, TOKEN);
});

for (const type of ["text/event-stream; charset=utf-8", "Text/Event-Stream"]) {
  Deno.test(`"${type}" is a stream of events`, async () => {
    const said = answerOf(200, TOKEN + DONE, `content-type: ${type}\r\n`);
    assert.equal((await attemptAt(said)).answer?.isStream, true);
  });
}

for (
  const [what, said, outcome] of [
    ["no byte", "", "reset"],
    ["what is no HTTP", "SSH-2.0-x\r\n\r\n", "reset"],
    ["half a head", "HTTP/1.1 200 OK\r\ncontent-", "reset"],
    ["less than it announced", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", "truncated"],
    ["a stream without an event", STREAM_HEAD, "truncated"],
    ["a stream that ends without an event", streamOf(": ping\n\n"), "truncated"],
    ["chunks that are garbled", `${STREAM_HEAD}zz\r\nabc\r\n`, "truncated"],
    ["a status that is none", answerOf(999), "truncated"],
  ] as const
) {
  Deno.test(`a server that says ${what} has given no answer: ${outcome}`, async () => {
    const attempted = await attemptAt(said);
    assert.equal(attempted.outcome, outcome);
    assert.equal(attempted.answer, undefined);
    assert.equal(attempted.requests, outcome === "reset" ? 2 : 1, "a reset is tried once again");
  });
}

for (
  const [status, outcome] of [
    [500, "bad_status"],
    [502, "bad_status"],
    [504, "bad_status"],
    [429, "backpressure"],
    [503, "backpressure"],
    [404, "client_error"],
  ] as const
) {
  Deno.test(`an answer of ${status} is ${outcome}, and there for the client`, async () => {
    const { answer, text, ...attempted } = await attemptAt(
      answerOf(status, "why", "location: /\r\n"),
    );
    assert.equal(attempted.outcome, outcome);
    assert.equal(answer?.status, status);
    assert.equal(text, "why");
    assert.equal(attempted.requests, 1);
  });
}

for (const status of [300, 301, 302, 303, 304, 307, 308, 399]) {
  Deno.test(`a redirect of ${status} is no answer to a client`, async () => {
    const { outcome, answer } = await attemptAt(answerOf(status, "why", "location: /\r\n"));
    assert.ok(isFailure(outcome), outcome);
    assert.equal(answer, undefined);
  });
}

Deno.test("a failure whose answer breaks off is still that failure", async () => {
  const attempted = await attemptAt("HTTP/1.1 503 Busy\r\ncontent-length: 10\r\n\r\nabc");
  assert.equal(attempted.outcome, "backpressure");
  assert.equal(attempted.answer, undefined);
});

Deno.test("a failure that is a stream of events is not waited for to begin", async () => {
  const said = answerOf(500, ": nothing\n\n", "content-type: text/event-stream\r\n");
  const { outcome, text } = await attemptAt(said);
  assert.deepEqual([outcome, text], ["bad_status", ": nothing\n\n"]);
});

for (
  const [event, outcome] of [
    [failed(500, "InternalServerError"), "bad_status"],
    [failed(503, "ServiceUnavailable"), "backpressure"],
    [failed(501), "client_error"],
    [failed(400, "BadRequestError"), "client_error"],
  ] as const
) {
  Deno.test(`a stream that begins with ${event.trim()} is ${outcome}`, async () => {
    const attempted = await attemptAt(streamOf(event, DONE), { hangs: true });
    assert.equal(attempted.outcome, outcome);
    assert.equal(attempted.answer?.status, 200);
    assert.ok(attempted.text.startsWith(event));
    assert.equal(attempted.answer.rest === undefined, outcome !== "client_error");
  });
}

Deno.test("an answer that is long comes with what there is and the rest", async () => {
  const { outcome, answer } = await attemptAt(answerOf(200, "x".repeat(3 * MIB)));
  assert.equal(outcome, "ok");
  assert.ok(answer!.rest);
  assert.ok(answer!.body.length >= MIB);
});

Deno.test("the rest of a long failure is not waited for", async () => {
  const said = `HTTP/1.1 500 Said\r\ncontent-length: ${9 * MIB}\r\n\r\n${"x".repeat(2 * MIB)}`;
  const { outcome, answer } = await attemptAt(said, { hangs: true });
  assert.equal(outcome, "bad_status");
  assert.equal(answer, undefined, "and nobody takes its beginning for the whole");
});

Deno.test("nobody there is told at once, and not tried again", () =>
  attempting(async (send) => {
    const { outcome, answer } = await send(deadUrl());
    assert.equal(outcome, "refused");
    assert.equal(answer, undefined);
  }));

/** A server that drops a connection which has carried a request before. */
function startForgetful(): RawServer {
  return startRaw(async (connection, nth) => {
    if (nth > 1) connection.close();
    else await say(connection, answerOf(200, "{}"));
  });
}

Deno.test("a reset on a reused connection is tried again over a fresh one", async () => {
  await using server = startForgetful();
  await attempting(async (send) => {
    assert.equal((await send(server.url)).outcome, "ok");
    assert.equal(server.connections(), 1);
    const again = await send(server.url);
    assert.equal(again.outcome, "ok");
    assert.equal(server.connections(), 2);
    assert.equal(server.requests(), 3);
  });
});

Deno.test("a connection that breaks after a while was not idle, and isn't tried again", async () => {
  await using server = startRaw(async (connection) => {
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    connection.close();
  });
  await attempting(async (send) => {
    assert.equal((await send(server.url)).outcome, "reset");
    assert.equal(server.requests(), 1);
  });
});

Deno.test("a client that leaves as its connection breaks is not asked for again", async () => {
  const gone = new AbortController();
  await using server = startRaw((connection) => {
    gone.abort();
    connection.close();
  });
  await attempting(async (send) => {
    const { outcome } = await send(server.url, { clientGone: gone.signal });
    assert.equal(outcome, "client_closed");
    assert.equal(server.requests(), 1);
  });
});

for (
  const [limits, expired, outcome] of [
    [{ firstByteMs: 60 }, "silent", "timeout"],
    [{ stalled: AbortSignal.abort() }, "stalled", "timeout"],
    [{ cutOff: AbortSignal.abort() }, "cut_off", "timeout"],
  ] as const
) {
  Deno.test(`a server that hangs is given up as ${expired}, and not tried again`, async () => {
    await using server = startSilent();
    await attempting(async (send) => {
      const attempted = await send(server.url, { limits: limitsWith(limits) });
      assert.deepEqual(attempted, { outcome, answer: undefined, expired });
    });
  });
}

Deno.test({
  name: "a connection that can't be made in time is refused, long before silence",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const url = deadUrl();
    const port = await hangConnects("127.0.0.1", Number(new URL(url).port));
    try {
      await attempting(async (send) => {
        const started = performance.now();
        const attempted = await send(url, { limits: limitsWith({ connectMs: 200 }) });
        assert.deepEqual(attempted, {
          outcome: "refused",
          answer: undefined,
          expired: "unreachable",
        });
        const after = performance.now() - started;
        assert.ok(after >= 158 && after < 3_000, `${after} ms`);
      });
    } finally {
      await port.close();
    }
  },
});

Deno.test("a stream that hangs before its first event is silent after the longer time", async () => {
  const limits = { firstByteMs: 150, chunkMs: 20 };
  const started = performance.now();
  const attempted = await attemptAt(`${STREAM_HEAD}${chunk(": ping\n\n")}`, {
    hangs: true,
    limits,
  });
  assert.equal(attempted.outcome, "timeout");
  assert.equal(attempted.expired, "silent");
  const after = performance.now() - started;
  assert.ok(after >= 148, `${after} ms`);
});

Deno.test("a stalled engine ends a stream that has no event yet, and no other", async () => {
  const stall = new AbortController();
  await using server = startRaw((connection, nth) =>
    say(connection, STREAM_HEAD + chunk(nth === 1 ? TOKEN : ": ping\n\n"))
  );
  await attempting(async (send) => {
    const limits = limitsWith({ stalled: stall.signal });
    const begun = await send(server.url, { limits });
    assert.equal(begun.outcome, "ok");
    stall.abort();
    assert.equal(begun.answer!.rest!.expired, undefined);
  });
});

Deno.test("a client that leaves while its stream has no event yet ends the attempt", async () => {
  const gone = new AbortController();
  await using server = startRaw((connection) => say(connection, STREAM_HEAD));
  await attempting(async (send) => {
    const sending = send(server.url, { clientGone: gone.signal });
    await until("asked", () => server.requests() === 1);
    gone.abort();
    const { outcome, answer } = await sending;
    assert.deepEqual([outcome, answer], ["client_closed", undefined]);
  });
});
