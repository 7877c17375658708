import assert from "node:assert/strict";
import { openClientPool } from "../../src/http/client_pool.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { Server } from "../../src/fleet/state/server.ts";
import type { RequestRecord } from "../../src/proxy/request_record.ts";
import type { Failover } from "../../src/proxy/observer.ts";
import { createAdmission } from "../../src/proxy/admission.ts";
import { createResponseHomes } from "../../src/proxy/stored/response_homes.ts";
import { createProxy } from "../../src/proxy/proxy.ts";
import { createRetryBudget } from "../../src/proxy/retry_budget.ts";
import { clientAs } from "../support/client.ts";
import { configOf } from "../support/config.ts";
import { exchanged } from "../support/exchange.ts";
import { until } from "../support/until.ts";
import { deadUrl, startSilent, startUpstream } from "../support/upstream.ts";
import { profileOf } from "../support/work.ts";

const MEBIBYTE = 1024 * 1024;
/** The name of a server without a configured name. */
const nameOf = (url: string) => url.replace("http://", "");

interface Proxied {
  readonly proxy: (request: Request) => Promise<Response>;
  readonly fleet: Fleet;
  readonly records: Readonly<RequestRecord>[];
  readonly failovers: Failover[];
  /** How often a retry was held back. */
  readonly retryDenied: () => number;
  /** Stops taking requests, and waiting for those in flight. */
  readonly cutOff: () => void;
  /** Makes every attempt throw, as a defect would. */
  isBroken: boolean;
}

/** Creates a proxy in front of these healthy servers, chosen in the given order. */
async function proxying(
  urls: readonly string[],
  use: (proxied: Proxied) => Promise<void>,
  settings: Record<string, unknown> = {},
): Promise<void> {
  const connections = openClientPool();
  const cutOff = new AbortController();
  let retryDenied = 0;
  let left = 0;
  const fleet = new Fleet({
    config: configOf(
      urls.map((url) => ({ url, models: ["m"] })),
      { policy: "round_robin", ...settings },
    ),
  });
  for (const server of fleet.servers as Server[]) {
    fleet.recordCheck(server, { ok: true, responseMs: 1 });
  }
  const records: Readonly<RequestRecord>[] = [];
  const failovers: Failover[] = [];
  const answer = createProxy({
    tracer: () => undefined,
    modelFor: (asked) => asked,
    relist: () => Promise.resolve(),
    homes: createResponseHomes(),
    listedModels: () => ["m"],
    cutOff: cutOff.signal,
    fleet,
    admission: createAdmission(() => fleet.settings),
    retries: createRetryBudget(() => performance.now()),
    connections: {
      ...connections,
      open(server, request) {
        if (proxied.isBroken) throw new Error("a defect");
        return connections.open(server, request);
      },
    },
    observer: {
      chosen() {},
      firstToken() {},
      nextToken() {},
      closed: (record) => void records.push(record),
      failover: (failover) => void failovers.push(failover),
      retryDenied: () => void retryDenied++,
      continued() {},
      notContinued() {},
    },
  });
  const client = clientAs({
    headers: [["access-control-allow-origin", "*"]],
    left: () => void left++,
  });
  const proxy: Proxied["proxy"] = async (request) => {
    // The effects of an answer's end come before the client's next request.
    const settled = () => new Promise((resolve) => setTimeout(resolve));
    await settled();
    const response = await exchanged((exchange) => answer(exchange, client), request);
    await settled();
    return response;
  };
  const proxied: Proxied = {
    proxy,
    fleet,
    records,
    failovers,
    retryDenied: () => retryDenied,
    cutOff: () => cutOff.abort(),
    isBroken: false,
  };
  await use(proxied);
  connections.close();
  assert.equal(left, records.length, "of each request its client is told that it ended");
  assert.deepEqual(
    fleet.servers.map(({ inFlight, awaitingFirstToken }) => inFlight + awaitingFirstToken),
    urls.map(() => 0),
    "every place is given back",
  );
  assert.ok(fleet.servers.every(({ evictions }) => evictions.size === 0), "no callback is left");
  assert.equal(
    new Set(records).size,
    records.length,
    "an account is closed once",
  );
}

function request(
  headers: Record<string, string> = {},
  body = `{"model":"m","stream":false}`,
): Request {
  return new Request("http://router/v1/completions?a=b", {
    method: "POST",
    body,
    headers,
  });
}

Deno.test("a request and its answer are passed on unchanged", async () => {
  const seen: unknown[] = [];
  await using server = startUpstream(async (request) => {
    const { pathname, search } = new URL(request.url);
    const id = request.headers.get("x-request-id");
    seen.push([pathname, search, id, await request.text()]);
    return new Response("the answer", { headers: { "x-own": "1" } });
  });
  await proxying([server.url], async ({ proxy, records }) => {
    const body = `{ "unknown": 1.0,\n "model":"m" }`;
    const response = await proxy(request({ "x-request-id": "mine" }, body));
    assert.equal(await response.text(), "the answer");
    assert.equal(response.headers.get("x-own"), "1");
    assert.equal(response.headers.get("x-request-id"), "mine");
    assert.deepEqual(seen, [["/v1/completions", "?a=b", "mine-0", body]]);
    const [record] = records;
    assert.deepEqual(
      [
        record?.id,
        record?.model,
        record?.server,
        record?.attempts,
        record?.status,
        record?.bytes,
        record?.outcome,
      ],
      ["mine", "m", nameOf(server.url), 1, 200, 10, "ok"],
    );
  });
});

Deno.test("each attempt has its own id, and the client gets the request's id", async () => {
  const ids: (string | null)[] = [];
  await using server = startUpstream((request) => {
    ids.push(request.headers.get("x-request-id"));
    return new Response("", { status: ids.length < 3 ? 500 : 200 });
  });
  const urls = ["/a", "/b", "/c"].map((path) => server.url + path);
  await proxying(urls, async ({ proxy, records, failovers }) => {
    const response = await proxy(request({ "x-request-id": "mine" }));
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("x-request-id"), "mine");
    assert.equal(new Set(ids).size, 3);
    assert.ok(ids.every((id) => id?.startsWith("mine")));
    assert.equal(records[0]?.attempts, 3);
    const [a, b, c] = urls.map(nameOf);
    assert.deepEqual(
      failovers.map(({ from, to, reason }) => [from, to, reason]),
      [[a, b, "bad_status"], [b, c, "bad_status"]],
    );
  });
});

Deno.test("when all servers failed, the client gets the last answer, even if others refused after it", async () => {
  await using server = startUpstream(() => Response.json({ error: "busy" }, { status: 503 }));
  await proxying([server.url, deadUrl()], async ({ proxy, records }) => {
    const response = await proxy(request());
    assert.equal(response.status, 503);
    assert.deepEqual(await response.json(), { error: "busy" });
    assert.equal(records[0]?.server, nameOf(server.url));
  });
});

Deno.test("servers that lack the path count for no retry", async () => {
  const lacking = () => Response.json({ detail: "Not Found" }, { status: 404 });
  await using first = startUpstream(lacking);
  await using second = startUpstream(lacking);
  await using failing = startUpstream(() => new Response("", { status: 500 }));
  await using good = startUpstream(() => new Response("good"));
  await proxying([first, second, failing, good].map(({ url }) => url), async ({ proxy }) => {
    const answer = await proxy(request());
    assert.equal(await answer.text(), "good");
  }, { max_retries: 1 });
});

Deno.test("max_retries bounds the attempts", async () => {
  let asked = 0;
  await using server = startUpstream(() => {
    asked++;
    return new Response("", { status: 500 });
  });
  const urls = ["/a", "/b", "/c", "/d"].map((path) => server.url + path);
  await proxying(urls, async ({ proxy }) => {
    assert.equal((await proxy(request())).status, 500);
    assert.equal(asked, 2);
  }, { max_retries: 1 });
});

Deno.test("a refused request is recorded too", () =>
  proxying([deadUrl()], async ({ proxy, records }) => {
    for (
      const [body, status, outcome] of [
        ["no json", 400, "rejected"],
        [`{"model":"other"}`, 404, "rejected"],
        [`{"model":"m"}`, 502, "refused"],
      ] as const
    ) {
      const response = await proxy(request({}, body));
      await response.body?.cancel();
      assert.equal(response.status, status);
      assert.ok(response.headers.get("x-request-id"));
      assert.equal(response.headers.get("access-control-allow-origin"), "*");
      assert.equal(records.at(-1)?.status, status);
      assert.equal(records.at(-1)?.outcome, outcome);
      assert.equal(records.at(-1)?.server, undefined);
    }
    assert.equal(records.length, 3);
  }));

Deno.test("a client's own error blames no server, however long its answer", async () => {
  await using server = startUpstream(() =>
    new Response(new Uint8Array(3 * MEBIBYTE), { status: 400 })
  );
  await proxying([server.url], async ({ proxy, fleet, records }) => {
    const lease = fleet.acquire(profileOf({ model: "m" }), new Map());
    assert.ok(typeof lease === "object");
    lease.end("reset");
    const response = await proxy(request());
    assert.equal((await response.bytes()).length, 3 * MEBIBYTE);
    await until("it was recorded", () => records.length > 0);
    assert.equal(records[0]?.outcome, "client_error");
    assert.equal(fleet.servers[0]?.health.consecutiveRequestFailures, 1);
  });
});

Deno.test("a failure is passed on whole unless it is too long to hold back; then the router answers", async () => {
  let bytes = 0;
  await using server = startUpstream(() => new Response(new Uint8Array(bytes), { status: 500 }));
  await proxying([server.url], async ({ proxy }) => {
    bytes = MEBIBYTE / 2;
    const whole = await proxy(request());
    assert.deepEqual([whole.status, (await whole.bytes()).length], [500, bytes]);
    bytes = 3 * MEBIBYTE;
    assert.deepEqual(await errorOf(await proxy(request())), {
      status: 502,
      message: "No server could answer the request.",
    });
  }, { failure_threshold: 100 });
});

for (const encoding of ["gzip", "deflate", "identity", undefined]) {
  Deno.test(`an answer's body matches its content-encoding, for a client that ${encoding ? `accepts ${encoding}` : "sends no accept-encoding"}`, async () => {
    const compressed = await new Response(
      new Blob(["hello ".repeat(100)]).stream().pipeThrough(
        new CompressionStream("gzip"),
      ),
    ).bytes();
    await using server = startUpstream(() =>
      new Response(compressed, { headers: { "content-encoding": "gzip" } })
    );
    await proxying([server.url], async ({ proxy }) => {
      const response = await proxy(
        request(encoding ? { "accept-encoding": encoding } : {}),
      );
      const body = await response.bytes();
      const isGzip = body[0] === 0x1f && body[1] === 0x8b;
      assert.equal(response.headers.get("content-encoding") === "gzip", isGzip);
    });
  });
}

async function errorOf(response: Response) {
  const { error } = await response.json();
  return { status: response.status, message: String(error.message) };
}

Deno.test("beyond max_in_flight requests are refused, until one has ended", async () => {
  const hold = Promise.withResolvers<void>();
  let asked = 0;
  await using server = startUpstream(async () => {
    asked++;
    await hold.promise;
    return new Response("x");
  });
  await proxying([server.url], async ({ proxy, records }) => {
    const first = proxy(request());
    await until("asked", () => asked === 1);
    const second = await proxy(request());
    assert.equal(second.headers.get("retry-after"), "1");
    assert.match((await errorOf(second)).message, /1 requests in flight/);
    assert.deepEqual(records.map(({ status, outcome }) => [status, outcome]), [[503, "rejected"]]);
    hold.resolve();
    assert.equal(await (await first).text(), "x");
    assert.equal(await (await proxy(request())).text(), "x");
    assert.equal(asked, 2);
  }, { max_in_flight: 1 });
});

Deno.test("however requests end, each releases its place and its body's memory", async () => {
  await using server = startUpstream((asked) => {
    const left = new URL(asked.url).searchParams.get("answer");
    if (left === "stream") {
      const stream = new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("data: x\n\n")),
      });
      return new Response(stream, { headers: { "content-type": "text/event-stream" } });
    }
    return new Response("x", { status: Number(left) });
  });
  const large = `{"model":"m","prompt":"${"x".repeat(0.9 * MEBIBYTE)}"}`;
  await proxying([server.url], async ({ proxy, records }) => {
    for (let i = 0; i < 3; i++) {
      for (
        const [answer, body, status] of [
          ["200", large, 200],
          ["404", large, 404],
          ["500", large, 500],
          ["200", `no json ${large}`, 400],
          ["200", large.replace(`"m"`, `"other"`), 404],
          ["200", large + large, 413],
          ["stream", large, 200],
        ] as const
      ) {
        const url = `http://router/v1/messages?answer=${answer}`;
        const response = await proxy(new Request(url, { method: "POST", body }));
        assert.equal(response.status, status);
        await response.body?.cancel();
      }
    }
    await until("all have ended", () => records.length === 21);
    assert.equal(records.at(-1)?.outcome, "client_closed");
  }, { max_in_flight: 1, body_buffer_mib: 1, failure_threshold: 100 });
});

Deno.test("a defect of the router's costs one request, but leaks no place or memory", async () => {
  await using server = startUpstream(() => new Response("x"));
  const body = `{"model":"m","prompt":"${"x".repeat(0.9 * MEBIBYTE)}"}`;
  await proxying([server.url], async (proxied) => {
    proxied.isBroken = true;
    for (let i = 0; i < 3; i++) await assert.rejects(proxied.proxy(request({}, body)), /a defect/);
    proxied.isBroken = false;
    assert.equal(await (await proxied.proxy(request({}, body))).text(), "x");
    assert.deepEqual(
      proxied.records.map(({ status, outcome }) => [status, outcome]),
      [...Array.from({ length: 3 }, () => [500, "rejected"]), [200, "ok"]],
    );
  }, { max_in_flight: 1, body_buffer_mib: 1 });
});

Deno.test("a client that left during its upload asks no server and releases its place", async () => {
  await proxying([deadUrl()], async ({ proxy, records }) => {
    for (let i = 0; i < 3; i++) {
      const gone = new AbortController();
      const body = new ReadableStream({
        pull(controller) {
          gone.abort();
          controller.error(new Error("the client left"));
        },
      });
      const init = { method: "POST", body, signal: gone.signal };
      const left = new Request("http://router/v1/completions", init);
      assert.equal((await proxy(left)).status, 499);
    }
    assert.deepEqual(
      records.map(({ status, outcome, attempts }) => [status, outcome, attempts]),
      Array(3).fill([499, "client_closed", 0]),
    );
  }, { max_in_flight: 1 });
});

Deno.test("a router that stops waiting for requests refuses new ones", () =>
  proxying([deadUrl()], async ({ proxy, cutOff, records }) => {
    cutOff();
    const response = await proxy(request());
    assert.equal(response.headers.get("retry-after"), "1");
    assert.match((await errorOf(response)).message, /shutting down/);
    assert.equal(records[0]?.outcome, "rejected");
  }));

Deno.test("a router that stops waiting ends requests without an answer, and blames no server", async () => {
  await using silent = startSilent();
  await using other = startUpstream(() => assert.fail("no other server is asked"));
  await proxying([silent.url, other.url], async ({ proxy, cutOff, fleet, records }) => {
    const answering = proxy(request());
    await until("asked", () => fleet.servers[0]!.inFlight === 1);
    cutOff();
    assert.match((await errorOf(await answering)).message, /shutting down/);
    assert.equal(records[0]?.outcome, "rejected");
    assert.equal(fleet.servers[0]!.health.consecutiveRequestFailures, 0);
  });
});

Deno.test("a request that takes too long ends, and blames no server", async () => {
  await using silent = startSilent();
  await using other = startUpstream(() => assert.fail("no other server is asked"));
  await proxying([silent.url, other.url], async ({ proxy, fleet, records }) => {
    const error = await errorOf(await proxy(request()));
    assert.equal(error.status, 504);
    assert.match(error.message, /longer than 0.1 s/);
    assert.equal(records[0]?.attempts, 1);
    assert.equal(fleet.servers[0]!.health.consecutiveRequestFailures, 0);
  }, { total_timeout: 0.1 });
});

Deno.test("an attempt at a server that leaves rotation moves on, and does not blame the server", async () => {
  await using silent = startSilent();
  await using other = startUpstream(() => new Response("x"));
  await proxying([silent.url, other.url], async ({ proxy, fleet, failovers }) => {
    const [server] = fleet.servers as Server[];
    const answering = proxy(request());
    await until("asked", () => server!.inFlight === 1);
    for (const leave of [...server!.evictions]) leave();
    assert.equal(await (await answering).text(), "x");
    assert.deepEqual(failovers.map(({ reason }) => reason), ["timeout"]);
    assert.equal(server!.health.consecutiveRequestFailures, 0);
  });
});

const STOP = `{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}`;

function events(...data: string[]): Response {
  return new Response(data.map((data) => `data: ${data}\n\n`).join(""), {
    headers: { "content-type": "text/event-stream" },
  });
}

/** A 400 in vLLM's form. */
function badRequest(): Response {
  const error = { message: "m", type: "BadRequestError", code: 400 };
  return Response.json({ error }, { status: 400 });
}

const failuresAt = (fleet: Fleet) =>
  fleet.servers.map(({ health }) => health.consecutiveRequestFailures);

Deno.test("a stream that begins with an error event is retried at another server", async () => {
  await using failing = startUpstream(() => events(`{"error":{"code":500}}`, "[DONE]"));
  await using well = startUpstream(() => events(STOP, "[DONE]"));
  await proxying([failing.url, well.url], async ({ proxy, fleet, failovers }) => {
    const response = await proxy(request());
    assert.equal(await response.text(), `data: ${STOP}\n\ndata: [DONE]\n\n`);
    assert.deepEqual(failovers.map(({ reason }) => reason), ["bad_status"]);
    assert.deepEqual(failuresAt(fleet), [1, 0]);
  });
});

Deno.test("a stream that its server aborted before a token is retried, without blame", async () => {
  await using stopping = startUpstream(() => events(`{"choices":[]}`, "[DONE]"));
  await using well = startUpstream(() => events(STOP, "[DONE]"));
  await proxying([stopping.url, well.url], async ({ proxy, fleet, failovers }) => {
    assert.equal(await (await proxy(request())).text(), `data: ${STOP}\n\ndata: [DONE]\n\n`);
    assert.deepEqual(failovers.map(({ reason }) => reason), ["aborted"]);
    assert.deepEqual(failuresAt(fleet), [0, 0]);
  });
});

Deno.test("a server that failed is blamed once another answers the same request well", async () => {
  await using failing = startUpstream(() => new Response("", { status: 500 }));
  await using well = startUpstream(() => new Response("x"));
  const urls = [`${failing.url}/a`, `${failing.url}/b`, well.url];
  await proxying(urls, async ({ proxy, fleet }) => {
    assert.equal(await (await proxy(request())).text(), "x");
    assert.deepEqual(failuresAt(fleet), [1, 1, 0]);
  });
});

for (
  const [what, second, status] of [
    ["fails as well", () => new Response("", { status: 500 }), 500],
    ["answers with a client error", badRequest, 400],
  ] as const
) {
  Deno.test(`a server that failed is not blamed if another ${what}`, async () => {
    await using failing = startUpstream(() => new Response("", { status: 500 }));
    await using other = startUpstream(second);
    await proxying([failing.url, other.url], async ({ proxy, fleet }) => {
      for (let i = 0; i < 10; i++) {
        const response = await proxy(request());
        await response.body?.cancel();
        if (i === 0) assert.equal(response.status, status);
      }
      assert.deepEqual(failuresAt(fleet), [0, 0]);
      assert.ok(fleet.servers.every(({ health }) => health.status === "healthy"));
    });
  });
}

Deno.test("a server that failed is blamed if no other could be asked", async () => {
  await using failing = startUpstream(() => new Response("", { status: 500 }));
  await proxying([failing.url], async ({ proxy, fleet }) => {
    await (await proxy(request())).body?.cancel();
    assert.deepEqual(failuresAt(fleet), [1]);
  });
});

Deno.test("a client error that only one server gives is retried, and blames that server", async () => {
  await using gateway = startUpstream(() => new Response("<html>", { status: 404 }));
  await using well = startUpstream(() => new Response("x"));
  await proxying([gateway.url, well.url], async ({ proxy, fleet, failovers, records }) => {
    assert.equal(await (await proxy(request())).text(), "x");
    assert.deepEqual(failovers.map(({ reason }) => reason), ["client_error"]);
    assert.deepEqual(failuresAt(fleet), [1, 0]);
    assert.equal(records[0]?.outcome, "ok");
  });
});

Deno.test("a client error that two servers give is the client's, and the next one is not retried", async () => {
  let asked = 0;
  await using server = startUpstream(() => {
    asked++;
    return new Response("<html>", { status: 404 });
  });
  const urls = ["/a", "/b"].map((path) => server.url + path);
  await proxying(urls, async ({ proxy, fleet, records }) => {
    const first = await proxy(request());
    assert.deepEqual([first.status, await first.text()], [404, "<html>"]);
    assert.equal(asked, 2);
    const second = await proxy(request());
    assert.deepEqual([second.status, await second.text()], [404, "<html>"]);
    assert.equal(asked, 3);
    assert.deepEqual(failuresAt(fleet), [0, 0]);
    assert.ok(records.every(({ outcome }) => outcome === "client_error"));
  });
});

Deno.test("a client error in vLLM's shape is returned at once", async () => {
  let asked = 0;
  await using server = startUpstream(() => {
    asked++;
    return badRequest();
  });
  const urls = ["/a", "/b"].map((path) => server.url + path);
  await proxying(urls, async ({ proxy, fleet }) => {
    for (let i = 0; i < 10; i++) assert.equal((await errorOf(await proxy(request()))).status, 400);
    assert.equal(asked, 10);
    assert.deepEqual(failuresAt(fleet), [0, 0]);
  });
});

Deno.test("a server that sends Retry-After rests for that long, and is not blamed", async () => {
  await using busy = startUpstream(() =>
    new Response("busy", { status: 429, headers: { "retry-after": "60" } })
  );
  await using other = startUpstream(() => new Response("x"));
  await proxying([busy.url, other.url], async ({ proxy, fleet, failovers }) => {
    for (let i = 0; i < 4; i++) assert.equal(await (await proxy(request())).text(), "x");
    assert.equal(failovers.length, 1, "while it rests it isn't asked");
    const [server] = fleet.servers;
    const retryAfterMs = server!.backpressureUntil - Date.now();
    assert.ok(retryAfterMs > 40_000 && retryAfterMs <= 60_000, `${retryAfterMs} ms`);
    assert.equal(server!.health.consecutiveRequestFailures, 0);
  });
});

Deno.test("when the retry budget is spent, requests get the first failure's answer, and this is reported", async () => {
  let asked = 0;
  await using server = startUpstream(() => {
    asked++;
    return new Response("failed", { status: 500 });
  });
  const urls = ["/a", "/b"].map((path) => server.url + path);
  await proxying(urls, async ({ proxy, records, failovers, retryDenied }) => {
    const count = 150;
    for (let i = 0; i < count; i++) {
      const response = await proxy(request());
      assert.equal(response.status, 500);
      assert.equal(await response.text(), "failed");
    }
    // Ten per second over ten seconds, plus a fifth of the requests.
    const retries = 100 + count / 5;
    assert.equal(failovers.length, retries);
    assert.equal(retryDenied(), count - retries);
    assert.equal(asked, count + retries);
    assert.deepEqual([records[0]?.attempts, records.at(-1)?.attempts], [2, 1]);
  }, { failure_threshold: 1_000_000 });
});

Deno.test("when no server answered and the budget is spent, the client gets Retry-After", async () => {
  await proxying([deadUrl(), deadUrl()], async ({ proxy, retryDenied }) => {
    let response: Response;
    do {
      response = await proxy(request());
      if (retryDenied() === 0) assert.equal((await errorOf(response)).status, 502);
    } while (retryDenied() === 0);
    assert.equal(response.headers.get("retry-after"), "1");
    const error = await errorOf(response);
    assert.equal(error.status, 503);
    assert.match(error.message, /so many requests/);
  }, { failure_threshold: 1_000_000 });
});

Deno.test("without another server nothing is held back, and the budget is not used", async () => {
  await proxying([deadUrl()], async ({ proxy, retryDenied }) => {
    for (let i = 0; i < 150; i++) {
      assert.equal((await errorOf(await proxy(request()))).status, 502);
    }
    assert.equal(retryDenied(), 0);
  }, { failure_threshold: 1_000_000 });
});
