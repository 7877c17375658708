import assert from "node:assert/strict";
import { fetchBy } from "../../../src/http/fetch.ts";
import type { Answer, FirstAnswer } from "../../../src/proxy/attempt/first_answer.ts";
import { firstAnswerTo } from "../../support/ask.ts";
import { isFailure } from "../../../src/fleet/outcome.ts";
import type { Head } from "../../../src/http/exchange.ts";
import type { Reply } from "../../../src/proxy/response/reply.ts";
import { createConnectProbe } from "../../../src/http/connect_probe.ts";
import type { Limits } from "../../../src/proxy/attempt/deadlines.ts";
import { hangConnects } from "../../../src/simulator/http/unreachable.ts";
import { limitsWith, ROOMY } from "../../support/limits.ts";
import { chunk, type RawServer, say, startRaw, STREAM_HEAD } from "../../support/raw.ts";
import { until } from "../../support/until.ts";
import { deadUrl, startSilent } from "../../support/upstream.ts";

const encoder = new TextEncoder();
const MIB = 1024 * 1024;
const TOKEN = `data: {"choices":[{"delta":{"content":"x"}}]}\n\n`;
const DONE = "data: [DONE]\n\n";
const failed = (code: number, type = "error") =>
  `data: {"error":{"message":"m","type":"${type}","code":${code}}}\n\n`;

const answerOf = (status: number, body = "", more = "") =>
  `HTTP/1.1 ${status} Said\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;
const streamOf = (...events: string[]) => `${STREAM_HEAD}${events.map(chunk).join("")}${chunk("")}`;

/** Records what a client gets before the answer. */
interface EarlyKept extends Pick<Reply, "hasPreamble" | "open" | "pass"> {
  readonly heads: Head[];
  readonly passed: string[];
}

function earlyOf(hasPreamble = false): EarlyKept {
  const heads: Head[] = [];
  const passed: string[] = [];
  return {
    get hasPreamble() {
      return hasPreamble;
    },
    open(head) {
      if (heads.length === 0) heads.push(head());
    },
    pass(bytes, kind) {
      hasPreamble ||= kind === "preamble";
      passed.push(new TextDecoder().decode(bytes));
    },
    heads,
    passed,
  };
}

/** Makes attempts with separate clients, the second without idle connections. */
async function attempting(
  use: (
    send: (
      url: string,
      more?: Partial<Parameters<typeof firstAnswerTo>[0]>,
    ) => Promise<FirstAnswer>,
  ) => Promise<void>,
): Promise<void> {
  using client = Deno.createHttpClient({ http2: false });
  using freshClient = Deno.createHttpClient({ http2: false, poolMaxIdlePerHost: 0 });
  const answers: Answer[] = [];
  try {
    await use(async (url, more) => {
      const attempted = await firstAnswerTo({
        url: `${url}/v1/completions`,
        path: "/v1/completions",
        headers: [],
        body: encoder.encode("{}"),
        fetch: fetchBy(client),
        fetchFresh: fetchBy(freshClient),
        room: ROOMY,
        limits: limitsWith(),
        clientLeft: new AbortController().signal,
        isReachable: createConnectProbe(),
        reply: earlyOf(),
        headFor: () => [],
        ...more,
      });
      if (attempted.answer) answers.push(attempted.answer);
      return attempted;
    });
  } finally {
    for (const { rest } of answers) rest?.end();
  }
}

/** The result of an attempt at a server that sends this, then closes the connection. */
async function attemptAt(
  said: string,
  { hangs = false, limits, ...more }:
    & { hangs?: boolean; limits?: Partial<Limits> }
    & Partial<
      Pick<Parameters<typeof firstAnswerTo>[0], "path" | "reply" | "headFor">
    > = {},
): Promise<FirstAnswer & { requests: number; text: string }> {
  await using server = startRaw(async (connection) => {
    await say(connection, said);
    if (!hangs) connection.close();
  });
  let result: FirstAnswer | undefined;
  await attempting(async (send) =>
    void (result = await send(server.url, { limits: limitsWith(limits), ...more }))
  );
  const text = new TextDecoder().decode(result!.answer?.body);
  return { ...result!, requests: server.requests(), text };
}

Deno.test("a whole answer is returned at its end", async () => {
  const { outcome, answer, text } = await attemptAt(answerOf(200, "{}", "x-own: 1\r\n"));
  assert.equal(outcome, "ok");
  assert.equal(answer?.status, 200);
  assert.equal(answer.headers.get("x-own"), "1");
  assert.equal(answer.isStream, false);
  assert.equal(answer.rest, undefined);
  assert.equal(text, "{}");
});

Deno.test("a stream is returned at its first token", async () => {
  const { outcome, answer, text } = await attemptAt(STREAM_HEAD + chunk(TOKEN), { hangs: true });
  assert.equal(outcome, "ok");
  assert.equal(answer?.isStream, true);
  assert.ok(answer.rest);
  assert.equal(text, TOKEN);
});

for (const type of ["text/event-stream; charset=utf-8", "Text/Event-Stream"]) {
  Deno.test(`"${type}" is an event stream`, async () => {
    const said = answerOf(200, TOKEN + DONE, `content-type: ${type}\r\n`);
    assert.equal((await attemptAt(said)).answer?.isStream, true);
  });
}

for (
  const [what, said, outcome] of [
    ["nothing", "", "reset"],
    ["something other than HTTP", "SSH-2.0-x\r\n\r\n", "reset"],
    ["half a head", "HTTP/1.1 200 OK\r\ncontent-", "reset"],
    ["less than it announced", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", "truncated"],
    ["a stream without an event", STREAM_HEAD, "truncated"],
    ["a stream that ends without an event", streamOf(": ping\n\n"), "truncated"],
    ["garbled chunks", `${STREAM_HEAD}zz\r\nabc\r\n`, "truncated"],
    ["an invalid status", answerOf(999), "truncated"],
  ] as const
) {
  Deno.test(`a server that sends ${what} gives no answer: ${outcome}`, async () => {
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
  Deno.test(`an answer of ${status} is ${outcome}, and available to the client`, async () => {
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
  Deno.test(`a redirect of ${status} is not passed on`, async () => {
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

Deno.test("a failure that is an event stream is returned without waiting for events", async () => {
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

Deno.test("a long answer is returned with its beginning and the rest", async () => {
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

Deno.test("a refused connection is reported at once, and not retried", () =>
  attempting(async (send) => {
    const { outcome, answer } = await send(deadUrl());
    assert.equal(outcome, "refused");
    assert.equal(answer, undefined);
  }));

/** A server that drops connections that have carried a request before. */
function startForgetful(): RawServer {
  return startRaw(async (connection, nth) => {
    if (nth > 1) connection.close();
    else await say(connection, answerOf(200, "{}"));
  });
}

Deno.test("a reset on a reused connection is retried over a fresh one", async () => {
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

Deno.test("a connection that breaks after a while was not idle, and isn't retried", async () => {
  await using server = startRaw(async (connection) => {
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    connection.close();
  });
  await attempting(async (send) => {
    assert.equal((await send(server.url)).outcome, "reset");
    assert.equal(server.requests(), 1);
  });
});

Deno.test("a request is not retried if its client leaves as the connection breaks", async () => {
  const gone = new AbortController();
  await using server = startRaw((connection) => {
    gone.abort();
    connection.close();
  });
  await attempting(async (send) => {
    const { outcome } = await send(server.url, { clientLeft: gone.signal });
    assert.equal(outcome, "client_closed");
    assert.equal(server.requests(), 1);
  });
});

/** A set that calls each callback some milliseconds after it is added. */
function calledSoon(): Set<() => void> {
  const callbacks = new Set<() => void>();
  const { add } = callbacks;
  callbacks.add = (callback) => {
    setTimeout(() => callbacks.has(callback) && callback(), 20);
    return add.call(callbacks, callback);
  };
  return callbacks;
}

for (
  const [limits, expired, outcome] of [
    [{ firstByteMs: 60 }, "silent", "timeout"],
    [{ evictions: calledSoon() }, "evicted", "timeout"],
    [{ cutOffs: calledSoon() }, "cut_off", "timeout"],
  ] as const
) {
  Deno.test(`an attempt at a hanging server ends as ${expired}, and is not retried`, async () => {
    await using server = startSilent();
    await attempting(async (send) => {
      const attempted = await send(server.url, { limits: limitsWith(limits) });
      const { error, ...known } = attempted;
      assert.deepEqual(known, { outcome, answer: undefined, expired, afterPreamble: false });
      assert.equal(typeof error, "string");
    });
  });
}

Deno.test({
  name: "a connection that can't be made in time is refused, long before the silence limit",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const url = deadUrl();
    const port = await hangConnects("127.0.0.1", Number(new URL(url).port));
    try {
      await attempting(async (send) => {
        const started = performance.now();
        const attempted = await send(url, { limits: limitsWith({ connectMs: 200 }) });
        const { error: _, ...known } = attempted;
        assert.deepEqual(known, {
          outcome: "refused",
          answer: undefined,
          expired: "unreachable",
          afterPreamble: false,
        });
        const after = performance.now() - started;
        assert.ok(after >= 158 && after < 30_000, `${after} ms`);
      });
    } finally {
      await port.close();
    }
  },
});

Deno.test("a stream that hangs before its first event is silent after the longer limit", async () => {
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

Deno.test("a server that leaves rotation ends streams without a token, and no others", async () => {
  const evictions = new Set<() => void>();
  let event = TOKEN;
  await using server = startRaw((connection) => say(connection, STREAM_HEAD + chunk(event)));
  await attempting(async (send) => {
    const limits = limitsWith({ evictions });
    const begun = await send(server.url, { limits });
    assert.equal(begun.outcome, "ok");
    assert.equal(evictions.size, 0);
    assert.equal(begun.answer!.rest!.expired, undefined);
    event = ": ping\n\n";
    const reply = earlyOf();
    const waiting = send(server.url, { limits, reply });
    await until("a comment is here", () => reply.passed.length > 0);
    for (const leave of [...evictions]) leave();
    assert.equal((await waiting).expired, "evicted");
  });
});

Deno.test("a client that disconnects before its stream's first event ends the attempt", async () => {
  const gone = new AbortController();
  await using server = startRaw((connection) => say(connection, STREAM_HEAD));
  await attempting(async (send) => {
    const sending = send(server.url, { clientLeft: gone.signal });
    await until("asked", () => server.requests() === 1);
    gone.abort();
    const { outcome, answer } = await sending;
    assert.deepEqual([outcome, answer], ["client_closed", undefined]);
  });
});

const ABORTED = `data: {"choices":[{"delta":{"content":""},"finish_reason":"abort"}]}\n\n`;
const ROLE = `data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n`;

for (
  const [what, said] of [
    ["an abort", streamOf(ROLE, ABORTED, DONE)],
    ["[DONE] without a finish reason", streamOf(ROLE, DONE)],
    ["a whole answer that was aborted", answerOf(200, `{"choices":[{"finish_reason":"abort"}]}`)],
  ] as const
) {
  Deno.test(`${what} before the first token is not an answer: aborted`, async () => {
    const { outcome, answer, requests } = await attemptAt(said);
    assert.equal(outcome, "aborted");
    assert.equal(answer, undefined);
    assert.equal(requests, 1);
  });
}

Deno.test("whether an answer was aborted is judged by the endpoint of the requested path", async () => {
  const said = answerOf(200, `{"choices":[{"finish_reason":"abort"}]}`);
  assert.equal((await attemptAt(said, { path: "/v1/embeddings" })).outcome, "ok");
  const message = `{"content":[{"type":"text","text":""}],"usage":{"output_tokens":0}}`;
  const asked = { path: "/v1/messages?beta=true" };
  assert.equal((await attemptAt(answerOf(200, message), asked)).outcome, "aborted");
});

const SHUTDOWN = "cannot schedule new futures after shutdown";

for (
  const [what, said] of [
    ["500", answerOf(500, `{"error":{"message":"${SHUTDOWN}","code":500}}`)],
    ["an event", streamOf(`data: {"error":{"message":"${SHUTDOWN}","code":500}}\n\n`, DONE)],
  ] as const
) {
  Deno.test(`a server that reports its shutdown by ${what} is draining`, async () => {
    assert.equal((await attemptAt(said)).outcome, "draining");
  });
}

for (
  const [status, body, expected] of [
    [400, `{"error":{"message":"m","type":"BadRequestError","code":400}}`, {
      isVllmError: true,
      isUnknownModel: false,
    }],
    [404, `{"error":{"message":"The model \`m\` does not exist.","type":"NotFoundError"}}`, {
      isVllmError: true,
      isUnknownModel: true,
    }],
    [404, "<html>not found</html>", { isVllmError: false, isUnknownModel: false }],
    [401, "", { isVllmError: false, isUnknownModel: false }],
  ] as const
) {
  Deno.test(`the kind of a client error ${status} with ${body || "no body"} is reported`, async () => {
    const { clientError } = await attemptAt(answerOf(status, body));
    assert.deepEqual(clientError, { status, ...expected });
  });
}

Deno.test("a good answer, a failure and an error event are not client errors", async () => {
  for (const said of [answerOf(200, "{}"), answerOf(500, "x"), streamOf(failed(400), DONE)]) {
    assert.equal((await attemptAt(said)).clientError, undefined);
  }
});

const UNSAID = `data: {"type":"response.created"}\n\n`;
const DELTA = `data: {"type":"response.output_text.delta","delta":"x"}\n\n`;
const RESPONSES = "/v1/responses";

Deno.test("bytes before the first token are passed on under the stream's own head", async () => {
  const reply = earlyOf();
  const { answer, text } = await attemptAt(
    STREAM_HEAD.replace("\r\n\r\n", "\r\nx-own: 1\r\n\r\n") +
      [": ping\n\n", UNSAID, DELTA].map(chunk).join(""),
    {
      hangs: true,
      path: RESPONSES,
      reply,
      headFor: (server) => [["x-own", server.get("x-own") ?? "?"]],
    },
  );
  assert.deepEqual(reply.heads, [[["x-own", "1"]]]);
  assert.equal(reply.passed.join(""), `: ping\n\n${UNSAID}`);
  assert.equal(text, DELTA);
  assert.ok(answer?.rest);
});

Deno.test("a preamble is not repeated after another server's, comments are", async () => {
  const reply = earlyOf(true);
  const said = streamOf(UNSAID, ": ping\n\n", DELTA);
  const { text } = await attemptAt(said, { path: RESPONSES, reply });
  assert.deepEqual(reply.passed, [": ping\n\n"]);
  assert.equal(text, DELTA);
});

Deno.test("a stream that ends after its preamble has broken off", async () => {
  const cut = await attemptAt(streamOf(UNSAID), { path: RESPONSES });
  assert.deepEqual([cut.outcome, cut.afterPreamble], ["truncated", true]);
  const again = await attemptAt(streamOf(UNSAID), { path: RESPONSES, reply: earlyOf(true) });
  assert.deepEqual([again.outcome, again.afterPreamble], ["truncated", true]);
  const without = await attemptAt(streamOf(": ping\n\n"), { path: RESPONSES });
  assert.deepEqual([without.outcome, without.afterPreamble], ["truncated", false]);
});

Deno.test("the head of a stream is sent early after a second, and never after its attempt has ended", async () => {
  await using server = startRaw((connection) => say(connection, STREAM_HEAD));
  await attempting(async (send) => {
    const reply = earlyOf();
    const gone = new AbortController();
    const waiting = send(server.url, { reply, clientLeft: gone.signal });
    const after = await until("the head is out", () => reply.heads.length > 0);
    assert.ok(after >= 900, `${after} ms`);
    gone.abort();
    assert.equal((await waiting).outcome, "client_closed");
  });
  const reply = earlyOf();
  await attemptAt(STREAM_HEAD, { reply });
  await attemptAt(streamOf(TOKEN, DONE), { reply });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.deepEqual(reply.heads, []);
});

for (
  const [type, isHeld] of [
    ["application/json", true],
    ["application/json; charset=utf-8", true],
    ["application/problem+json", true],
    ["application/x-ndjson", false],
    ["text/plain", false],
    ["audio/wav", false],
    [undefined, false],
  ] as const
) {
  Deno.test(`an answer of ${type ?? "no type"} and unknown length is ${isHeld ? "held back whole" : "passed on as it arrives"}`, async () => {
    const head = STREAM_HEAD.replace(
      "content-type: text/event-stream\r\n",
      type ? `content-type: ${type}\r\n` : "",
    );
    const whole = await attemptAt(head + chunk("one") + chunk("two") + chunk(""));
    assert.equal(whole.outcome, "ok");
    assert.equal(whole.answer?.isStream, false);
    if (isHeld) assert.equal(whole.text, "onetwo");
    const limits = isHeld ? { firstByteMs: 200 } : {};
    const { outcome, text } = await attemptAt(head + chunk("one"), { hangs: true, limits });
    assert.deepEqual([outcome, text], isHeld ? ["timeout", ""] : ["ok", "one"]);
  });
}

Deno.test("an answer of known length is held back whole, whatever its type", async () => {
  const said = answerOf(200, "one", "content-type: text/plain\r\n");
  const { answer, text } = await attemptAt(said);
  assert.deepEqual([answer?.rest, text], [undefined, "one"]);
});

Deno.test("JSON under the type of an event stream is treated as JSON", async () => {
  const type = "content-type: text/event-stream\r\n";
  const good = await attemptAt(answerOf(200, `{"choices":[]}`, type));
  assert.deepEqual([good.outcome, good.text], ["ok", `{"choices":[]}`]);
  const refused = await attemptAt(answerOf(400, `{"error":{"message":"m"}}`, type));
  assert.equal(refused.outcome, "client_error");
  assert.equal(refused.clientError?.isVllmError, true);
});
