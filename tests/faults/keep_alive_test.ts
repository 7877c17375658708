import assert from "node:assert/strict";
import { startRouter } from "../support/router.ts";
import { metricsPage, modelsPage, startUpstream, type TestUpstream } from "../support/upstream.ts";
import { until } from "../support/until.ts";

const encoder = new TextEncoder();
const TOKEN = `data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n`;
const ANSWER = `${TOKEN}data: [DONE]\n\n`;
const PING = ": keep-alive\n\n";

/** A server that sends the head of a stream, and what follows when the test says so. */
interface Slow extends TestUpstream {
  readonly open: () => number;
  /** Sends this and ends the stream; breaks it off if there is nothing to send. */
  readonly send: (text?: string) => void;
}

function startSlow(): Slow {
  const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
  const server = startUpstream(({ url }) => {
    if (url.endsWith("/v1/models")) return modelsPage("m");
    if (url.endsWith("/metrics")) return metricsPage();
    if (url.endsWith("/health")) return new Response();
    return new Response(new ReadableStream({ start: (stream) => void streams.push(stream) }), {
      headers: { "content-type": "text/event-stream" },
    });
  });
  return Object.assign(server, {
    open: () => streams.length,
    send(text?: string) {
      for (const stream of streams.splice(0)) {
        if (text === undefined) stream.error(new Error("broken"));
        else {
          stream.enqueue(encoder.encode(text));
          stream.close();
        }
      }
    },
  });
}

const KEEP_ALIVE = { sse_keepalive: 0.1, policy: "round_robin", stall_timeout: 60 };

/** Sends a request for a stream, and reads what comes into `text`. */
async function read(url: string, path = "/v1/chat/completions") {
  const response = await fetch(url + path, {
    method: "POST",
    body: JSON.stringify({ model: "m", stream: true }),
  });
  const got = {
    status: response.status,
    text: "",
    end: undefined as "clean" | "broken" | undefined,
  };
  const done = (async () => {
    try {
      const parts = response.body!.pipeThrough(new TextDecoderStream());
      for await (const part of parts) got.text += part;
      got.end = "clean";
    } catch {
      got.end = "broken";
    }
  })();
  return { got, done };
}

const pings = (text: string) => text.split(PING).length - 1;

Deno.test("comments are sent while a first token is waited for, and no longer", async () => {
  await using server = startSlow();
  await using router = await startRouter([{ url: server.url }], KEEP_ALIVE);
  const { got, done } = await read(router.url);
  await until("several comments came", () => pings(got.text) >= 3);
  assert.equal(got.text.replaceAll(PING, ""), "");
  server.send(ANSWER);
  await done;
  assert.equal(got.end, "clean");
  assert.ok(got.text.endsWith(PING + ANSWER), got.text);
});

Deno.test("after comments another server can still answer", async () => {
  await using one = startSlow();
  await using two = startSlow();
  await using router = await startRouter([{ url: one.url }, { url: two.url }], KEEP_ALIVE);
  const { got, done } = await read(router.url);
  await until("a comment came", () => pings(got.text) > 0);
  const [first, second] = one.open() > 0 ? [one, two] : [two, one];
  first.send();
  await until("another server is asked", () => second.open() > 0);
  const before = pings(got.text);
  await until("comments go on", () => pings(got.text) > before);
  second.send(ANSWER);
  await done;
  assert.deepEqual([got.status, got.end], [200, "clean"]);
  assert.equal(got.text.replaceAll(PING, ""), ANSWER);
});

for (
  const [path, event, end] of [
    ["/v1/chat/completions", /^\s*data: \{"error":\{"message":"No server could answer/, "broken"],
    ["/v1/messages", /^\s*event: error\ndata: \{"type":"error","error":\{"type":"api_e/, "broken"],
    [
      "/v1/responses",
      /^\s*event: error\ndata: \{"type":"error"[^]*event: response.failed/,
      "clean",
    ],
  ] as const
) {
  Deno.test(`after comments an error is an event of ${path}`, async () => {
    await using server = startSlow();
    await using router = await startRouter([{ url: server.url }], KEEP_ALIVE);
    const { got, done } = await read(router.url, path);
    await until("a comment came", () => pings(got.text) > 0);
    server.send();
    await done;
    assert.match(got.text.replaceAll(PING, ""), event);
    assert.equal(got.end, end);
  });
}

Deno.test("without sse_keepalive no comments are sent", async () => {
  await using server = startSlow();
  await using router = await startRouter([{ url: server.url }], { stall_timeout: 60 });
  // The head is sent early.
  const { got, done } = await read(router.url);
  server.send(ANSWER);
  await done;
  assert.equal(got.text, ANSWER);
});
