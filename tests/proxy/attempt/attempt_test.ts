import assert from "node:assert/strict";
import { fetchBy } from "../../../src/http/fetch.ts";
import type { Outcome } from "../../../src/fleet/outcome.ts";
import type { Attempt } from "../../../src/proxy/attempt/attempt.ts";
import { attemptOf, type TestRequest } from "../../support/ask.ts";
import { limitsWith } from "../../support/limits.ts";
import { chunk, say, startRaw as startRawServer, STREAM_HEAD } from "../../support/raw.ts";
import { until } from "../../support/until.ts";
import { deadUrl, startSilent, startUpstream, type TestUpstream } from "../../support/upstream.ts";

const encoder = new TextEncoder();
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function asking(
  url: string,
  use: (upstream: Attempt, leave: () => void) => Promise<void>,
  more: Partial<TestRequest> = {},
): Promise<void> {
  using client = Deno.createHttpClient({ http2: false });
  const gone = new AbortController();
  const upstream = attemptOf({
    url,
    headers: [],
    body: encoder.encode("{}"),
    fetch: fetchBy(client),
    fetchFresh: fetchBy(client),
    limits: limitsWith(),
    clientLeft: gone.signal,
    ...more,
  });
  try {
    await use(upstream, () => gone.abort());
  } finally {
    upstream.end();
  }
}

/** The outcome when `head`, or a `read` after it, fails. */
async function outcomeOf(
  upstream: Attempt,
): Promise<Outcome> {
  try {
    await upstream.head();
    while (await upstream.read());
    return "ok";
  } catch (error) {
    return upstream.end(error);
  }
}

/** Answers any request with these bytes and closes the connection. */
function startRaw(bytes: string): TestUpstream {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(4_096));
      await connection.write(encoder.encode(bytes));
      connection.close();
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

Deno.test("an answer is read to its end", async () => {
  await using server = startUpstream(async (request) =>
    new Response(`you sent ${await request.text()}`)
  );
  await asking(server.url, async (upstream) => {
    const response = await upstream.head();
    assert.equal(response.status, 200);
    assert.equal(
      new TextDecoder().decode(await upstream.read()),
      "you sent {}",
    );
    assert.equal(await upstream.read(), undefined);
  });
});

Deno.test("a refused connection is distinguished from a broken one: nothing was sent", () =>
  asking(deadUrl(), async (upstream) => {
    assert.equal(await outcomeOf(upstream), "refused");
  }));

Deno.test("a connection that closes before the head is a reset", async () => {
  await using server = startRaw("");
  await asking(server.url, async (upstream) => {
    assert.equal(await outcomeOf(upstream), "reset");
  });
});

Deno.test("a body that breaks off is truncated, by length and by chunks", async () => {
  for (
    const answer of [
      "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ]
  ) {
    await using server = startRaw(answer);
    await asking(server.url, async (upstream) => {
      assert.equal(await outcomeOf(upstream), "truncated");
    });
  }
});

Deno.test("a server that never sends anything is silent", async () => {
  await using server = startSilent();
  await asking(server.url, async (upstream) => {
    const started = performance.now();
    assert.equal(await outcomeOf(upstream), "timeout");
    const after = performance.now() - started;
    assert.ok(after >= 95 && after < 30_000, `${after} ms`);
  }, { limits: limitsWith({ firstByteMs: 100 }) });
});

/** Sends a chunk every `everyMs`, and hangs after `count`. */
function startDripping(everyMs: number, count: number, event = "data: x\n\n"): TestUpstream {
  return startUpstream(() => {
    let sent = 0;
    let timer: ReturnType<typeof setInterval>;
    return new Response(
      new ReadableStream({
        start(controller) {
          timer = setInterval(() => {
            controller.enqueue(encoder.encode(event));
            if (++sent === count) clearInterval(timer);
          }, everyMs);
        },
        cancel: () => clearInterval(timer),
      }),
    );
  });
}

Deno.test("silence counts from the last byte, never from the start", async () => {
  await using server = startDripping(150, 8);
  await asking(server.url, async (upstream) => {
    const started = performance.now();
    assert.equal(await outcomeOf(upstream), "timeout");
    const after = performance.now() - started;
    assert.ok(after >= 8 * 150 + 990, `${after} ms`);
  }, { limits: limitsWith({ firstByteMs: 1_000 }) });
});

Deno.test("a slow client doesn't make its server silent", async () => {
  await using server = startDripping(5, 1_000);
  await asking(server.url, async (upstream) => {
    await upstream.head();
    assert.ok(await upstream.read());
    await wait(1_500);
    assert.ok(await upstream.read(), "what came meanwhile is still there");
    assert.ok(await upstream.read());
  }, { limits: limitsWith({ firstByteMs: 1_000 }) });
});

Deno.test("a disconnecting client ends the attempt at any stage, and blames no server", async () => {
  await using silent = startSilent();
  await asking(silent.url, async (upstream, leave) => {
    setTimeout(leave, 20);
    assert.equal(await outcomeOf(upstream), "client_closed");
  });
  await using dripping = startDripping(5, 1_000);
  await asking(dripping.url, async (upstream, leave) => {
    setTimeout(leave, 50);
    assert.equal(await outcomeOf(upstream), "client_closed");
  });
  await asking(dripping.url, async (upstream) => {
    assert.equal(await outcomeOf(upstream), "client_closed");
  }, { clientLeft: AbortSignal.abort() });
});

Deno.test("the silence limit between chunks may be shorter than before the first", async () => {
  await using server = startDripping(10, 3);
  await asking(server.url, async (upstream) => {
    await upstream.head();
    assert.ok(await upstream.read());
    upstream.begin();
    const started = performance.now();
    const error = await (async () => {
      while (await upstream.read());
    })().catch((error) => error);
    assert.equal(upstream.end(error), "timeout");
    assert.equal(upstream.expired, "silent");
    const after = performance.now() - started;
    assert.ok(after >= 98 && after < 30_000, `${after} ms`);
  }, { limits: limitsWith({ firstByteMs: 60_000, chunkMs: 100 }) });
});

/** Calls all callbacks. */
const callAll = (callbacks: ReadonlySet<() => void>) => [...callbacks].forEach((call) => call());

for (
  const [name, expired] of [
    ["evictions", "evicted"],
    ["cutOffs", "cut_off"],
  ] as const
) {
  Deno.test(`an attempt at a hanging server ends when ${expired}, as a timeout`, async () => {
    const callbacks = new Set<() => void>();
    await using server = startSilent();
    await asking(server.url, async (upstream) => {
      setTimeout(() => callAll(callbacks), 20);
      assert.equal(await outcomeOf(upstream), "timeout");
      assert.equal(upstream.expired, expired);
      assert.equal(callbacks.size, 0);
    }, { limits: limitsWith({ [name]: callbacks }) });
  });
}

Deno.test("a server that leaves rotation ends no stream that has begun, a stopping router does", async () => {
  const evictions = new Set<() => void>();
  const cutOffs = new Set<() => void>();
  await using server = startDripping(5, 1_000);
  await asking(server.url, async (upstream) => {
    await upstream.head();
    await upstream.read();
    upstream.begin();
    assert.equal(evictions.size, 0);
    assert.ok(await upstream.read());
    assert.equal(upstream.expired, undefined);
    callAll(cutOffs);
    const error = await upstream.read().catch((error) => error);
    assert.equal(upstream.end(error), "timeout");
    assert.equal(upstream.expired, "cut_off");
  }, { limits: limitsWith({ evictions, cutOffs }) });
});

Deno.test("an overdue request is aborted in mid-answer, however much arrives", async () => {
  await using server = startDripping(5, 1_000);
  const dueAt = performance.now() + 150;
  await asking(server.url, async (upstream) => {
    assert.equal(await outcomeOf(upstream), "timeout");
    assert.equal(upstream.expired, "overdue");
    assert.ok(performance.now() >= dueAt - 1);
  }, { limits: limitsWith({ dueAt }) });
});

Deno.test("a slow server is probed with a second connection, and waited for", async () => {
  let connections = 0;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const handlers: Promise<void>[] = [];
    for await (const connection of listener) {
      connections++;
      handlers.push((async () => {
        if (await connection.read(new Uint8Array(4_096)) !== null) {
          await until("it was looked for", () => connections === 2);
          const answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate";
          await connection.write(encoder.encode(answer));
        }
        connection.close();
      })());
    }
    await Promise.all(handlers);
  })();
  try {
    await asking(`http://127.0.0.1:${listener.addr.port}`, async (upstream) => {
      assert.equal(await outcomeOf(upstream), "ok");
    }, { limits: limitsWith({ connectMs: 1_000 }) });
  } finally {
    listener.close();
    await serving;
  }
  assert.equal(connections, 2);
});

Deno.test("a server's connection is closed when the rest of its answer is not needed", async () => {
  const gone = Promise.withResolvers<void>();
  await using server = startUpstream(() =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(encoder.encode("data: x\n\n")),
        cancel: () => gone.resolve(),
      }),
    )
  );
  await asking(server.url, async (upstream) => {
    await upstream.head();
    await upstream.read();
    upstream.close();
    await gone.promise;
    await assert.rejects(upstream.read());
  });
});

Deno.test("an answer's own report outweighs its head", async () => {
  await using server = startUpstream(() => new Response("x"));
  await asking(server.url, async (upstream) => {
    await upstream.head();
    assert.equal(upstream.judge({}), "ok");
    assert.equal(upstream.judge({ status: 500 }), "bad_status");
    assert.equal(upstream.judge({ status: 503 }), "backpressure");
    assert.equal(upstream.judge({ status: 400 }), "client_error");
    assert.equal(upstream.judge({ isAborted: true }), "aborted");
    assert.equal(upstream.judge({ isShutdown: true }), "draining");
    assert.equal(upstream.judge({}), "ok");
    assert.equal(upstream.end(new Error("broken")), "truncated");
  });
});

/** Answers with these pieces, each once the one before has been read. */
function startStepping(pieces: readonly number[]) {
  let next = Promise.withResolvers<void>();
  const server = startRawServer(async (connection) => {
    await say(connection, STREAM_HEAD);
    for (const size of pieces) {
      await say(connection, chunk("x".repeat(size)));
      await next.promise;
      next = Promise.withResolvers();
    }
    await say(connection, chunk(""));
  });
  return { server, step: () => next.resolve() };
}

Deno.test("buffers grow for a large event and shrink again with the small ones after it", async () => {
  const LARGE = 100_000;
  const { server: started, step } = startStepping([200, LARGE, ...Array(12).fill(200)]);
  await using server = started;
  await asking(server.url, async (upstream) => {
    await upstream.head();
    const buffers: number[] = [];
    const take = async (size: number) => {
      let largest = 0;
      for (let found = 0; found < size;) {
        const bytes = await upstream.read();
        found += bytes!.length;
        largest = Math.max(largest, bytes!.buffer.byteLength);
      }
      step();
      return largest;
    };
    assert.equal(await take(200), 512);
    assert.ok(await take(LARGE) >= 32_768, "a large event takes few reads");
    for (let i = 0; i < 12; i++) buffers.push(await take(200));
    assert.deepEqual(buffers, [...buffers].sort((a, b) => b - a), "they never grow");
    assert.equal(buffers.at(-1), 512);
    assert.equal(buffers.filter((size) => size > 1_024).length < 5, true, `${buffers}`);
    assert.equal(await upstream.read(), undefined);
  });
});

Deno.test("comments are no progress: a server that sends only comments is silent", async () => {
  const comments = [": keep-alive\n\n", ": a\n\n: b\n\n", ":\n", ": a\r\n\r\n", "\n"];
  for (const comment of comments) {
    await using server = startDripping(10, 1_000, comment);
    await asking(server.url, async (upstream) => {
      const started = performance.now();
      assert.equal(await outcomeOf(upstream), "timeout");
      assert.equal(upstream.expired, "silent");
      assert.ok(performance.now() - started >= 148);
    }, { limits: limitsWith({ firstByteMs: 150 }) });
  }
});

Deno.test("a comment together with an event is progress", async () => {
  await using server = startDripping(150, 8, ": keep-alive\n\ndata: x\n\n");
  await asking(server.url, async (upstream) => {
    const started = performance.now();
    assert.equal(await outcomeOf(upstream), "timeout");
    assert.ok(performance.now() - started >= 8 * 150 + 990);
  }, { limits: limitsWith({ firstByteMs: 1_000 }) });
});

Deno.test("a stream that has begun is stopped when its engine stalls, long before the limit between chunks", async () => {
  await using server = startDripping(5, 3);
  const engine = () => ({ movedAt: -Infinity, noProgressSince: 0 });
  await asking(server.url, async (upstream) => {
    await upstream.head();
    assert.ok(await upstream.read());
    upstream.begin();
    const error = await (async () => {
      while (await upstream.read());
    })().catch((error) => error);
    assert.equal(upstream.end(error), "timeout");
    assert.equal(upstream.expired, "stopped");
  }, { limits: limitsWith({ chunkMs: 60_000, stallTimeoutMs: 100, engine }) });
});

Deno.test("a short answer that comes slowly is no silence", async () => {
  await using server = startRawServer(async (connection) => {
    await say(connection, "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n");
    for (const letter of "abcdefgh") {
      await say(connection, letter);
      await wait(150);
    }
  });
  await asking(server.url, async (upstream) => {
    assert.equal(await outcomeOf(upstream), "ok");
  }, { limits: limitsWith({ firstByteMs: 1_000 }) });
});
