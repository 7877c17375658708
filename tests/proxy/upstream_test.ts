import assert from "node:assert/strict";
import { openUpstream, type Upstream, type UpstreamRequest } from "../../src/proxy/upstream.ts";
import { deadUrl, startSilent, startUpstream, type TestUpstream } from "../support/upstream.ts";

const encoder = new TextEncoder();
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function asking(
  url: string,
  use: (upstream: Upstream, leave: () => void) => Promise<void>,
  more: Partial<UpstreamRequest> = {},
): Promise<void> {
  using client = Deno.createHttpClient({ http2: false });
  const gone = new AbortController();
  const upstream = openUpstream({
    url,
    headers: [],
    body: encoder.encode("{}"),
    client,
    timeoutMs: 5_000,
    clientGone: gone.signal,
    ...more,
  });
  try {
    await use(upstream, () => gone.abort());
  } finally {
    upstream.close();
  }
}

/** What the failure of `head`, or of a `read` after it, means. */
async function outcomeOf(
  upstream: Upstream,
): Promise<ReturnType<Upstream["outcomeOf"]>> {
  try {
    await upstream.head();
    while (await upstream.read());
    return "ok";
  } catch (error) {
    return upstream.outcomeOf(error);
  }
}

/** Answers any request with those bytes and closes the connection. */
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

Deno.test("nobody there is told from a connection that broke: nothing was sent", () =>
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

Deno.test("a server that never says a word is silent", async () => {
  await using server = startSilent();
  await asking(server.url, async (upstream) => {
    const started = performance.now();
    assert.equal(await outcomeOf(upstream), "timeout");
    const after = performance.now() - started;
    assert.ok(after >= 95 && after < 1_000, `${after} ms`);
  }, { timeoutMs: 100 });
});

/** Sends a chunk every `everyMs` and, where `count` is reached, hangs. */
function startDripping(everyMs: number, count: number): TestUpstream {
  return startUpstream(() => {
    let sent = 0;
    let timer: ReturnType<typeof setInterval>;
    return new Response(
      new ReadableStream({
        start(controller) {
          timer = setInterval(() => {
            controller.enqueue(encoder.encode("data: x\n\n"));
            if (++sent === count) clearInterval(timer);
          }, everyMs);
        },
        cancel: () => clearInterval(timer),
      }),
    );
  });
}

Deno.test("silence counts from the last byte, never from the start", async () => {
  await using server = startDripping(40, 8);
  await asking(server.url, async (upstream) => {
    const started = performance.now();
    assert.equal(await outcomeOf(upstream), "timeout");
    const after = performance.now() - started;
    assert.ok(after >= 8 * 40 + 190, `${after} ms`);
  }, { timeoutMs: 200 });
});

Deno.test("a client that reads slowly doesn't make its server silent", async () => {
  await using server = startDripping(5, 1_000);
  await asking(server.url, async (upstream) => {
    await upstream.head();
    assert.ok(await upstream.read());
    await wait(350);
    assert.ok(await upstream.read(), "what came meanwhile is still there");
    assert.ok(await upstream.read());
  }, { timeoutMs: 100 });
});

Deno.test("a client that leaves ends the exchange at any stage, and that is no fault", async () => {
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
  }, { clientGone: AbortSignal.abort() });
});
