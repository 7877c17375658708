import assert from "node:assert/strict";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { Server } from "../../src/fleet/server.ts";
import type { Account } from "../../src/proxy/account.ts";
import type { Failover } from "../../src/proxy/observer.ts";
import { createProxy } from "../../src/proxy/proxy.ts";
import { configOf } from "../support/config.ts";
import { deadUrl, startUpstream } from "../support/upstream.ts";

const MEBIBYTE = 1024 * 1024;

interface Proxied {
  readonly proxy: (request: Request) => Promise<Response>;
  readonly fleet: Fleet;
  readonly accounts: Readonly<Account>[];
  readonly failovers: Failover[];
}

/** A proxy before those servers, all of them healthy; requests go to them in their order. */
async function proxying(
  urls: readonly string[],
  use: (proxied: Proxied) => Promise<void>,
  settings: Record<string, unknown> = {},
): Promise<void> {
  using client = Deno.createHttpClient({ http2: false });
  const fleet = new Fleet({
    config: configOf(
      urls.map((url) => ({ url, models: ["m"] })),
      { policy: "round_robin", ...settings },
    ),
  });
  for (const server of fleet.servers as Server[]) {
    fleet.recordCheck(server, { ok: true, responseMs: 1 });
  }
  const accounts: Readonly<Account>[] = [];
  const failovers: Failover[] = [];
  const answer = createProxy({
    stopping: new AbortController().signal,
    fleet,
    client,
    observer: {
      chosen() {},
      firstToken() {},
      nextToken() {},
      closed: (account) => void accounts.push(account),
      failover: (failover) => void failovers.push(failover),
    },
  });
  const proxy: Proxied["proxy"] = (request) => answer(request, "192.0.2.1");
  await use({ proxy, fleet, accounts, failovers });
  assert.deepEqual(
    fleet.servers.map(({ inFlight }) => inFlight),
    urls.map(() => 0),
    "every place is given back",
  );
  assert.equal(
    new Set(accounts).size,
    accounts.length,
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

Deno.test("a request goes out as it came and its answer back as it is", async () => {
  const seen: unknown[] = [];
  await using server = startUpstream(async (request) => {
    const { pathname, search } = new URL(request.url);
    const id = request.headers.get("x-request-id");
    seen.push([pathname, search, id, await request.text()]);
    return new Response("the answer", { headers: { "x-own": "1" } });
  });
  await proxying([server.url], async ({ proxy, accounts }) => {
    const body = `{ "unknown": 1.0,\n "model":"m" }`;
    const response = await proxy(request({ "x-request-id": "mine" }, body));
    assert.equal(await response.text(), "the answer");
    assert.equal(response.headers.get("x-own"), "1");
    assert.equal(response.headers.get("x-request-id"), "mine");
    assert.deepEqual(seen, [["/v1/completions", "?a=b", "mine-0", body]]);
    const [account] = accounts;
    assert.deepEqual(
      [
        account?.id,
        account?.model,
        account?.server,
        account?.attempts,
        account?.status,
        account?.bytes,
        account?.outcome,
      ],
      ["mine", "m", server.url, 1, 200, 10, "ok"],
    );
  });
});

Deno.test("each attempt has an id of its own, the client keeps the first", async () => {
  const ids: (string | null)[] = [];
  await using server = startUpstream((request) => {
    ids.push(request.headers.get("x-request-id"));
    return new Response("", { status: ids.length < 3 ? 500 : 200 });
  });
  const urls = ["/a", "/b", "/c"].map((path) => server.url + path);
  await proxying(urls, async ({ proxy, accounts, failovers }) => {
    const response = await proxy(request({ "x-request-id": "mine" }));
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("x-request-id"), "mine");
    assert.equal(new Set(ids).size, 3);
    assert.ok(ids.every((id) => id?.startsWith("mine")));
    assert.equal(accounts[0]?.attempts, 3);
    assert.deepEqual(
      failovers.map(({ from, to, reason }) => [from, to, reason]),
      [[urls[0], urls[1], "bad_status"], [urls[1], urls[2], "bad_status"]],
    );
  });
});

Deno.test("when all failed, the last upstream answer is the client's, even if others refused after it", async () => {
  await using server = startUpstream(() => Response.json({ error: "busy" }, { status: 503 }));
  await proxying([server.url, deadUrl()], async ({ proxy, accounts }) => {
    const response = await proxy(request());
    assert.equal(response.status, 503);
    assert.deepEqual(await response.json(), { error: "busy" });
    assert.equal(accounts[0]?.server, server.url);
  });
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

Deno.test("a refused request has an account too", () =>
  proxying([deadUrl()], async ({ proxy, accounts }) => {
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
      assert.equal(accounts.at(-1)?.status, status);
      assert.equal(accounts.at(-1)?.outcome, outcome);
      assert.equal(accounts.at(-1)?.server, undefined);
    }
    assert.equal(accounts.length, 3);
  }));

Deno.test("an error of the client's own is held against nobody, however long its answer", async () => {
  await using server = startUpstream(() =>
    new Response(new Uint8Array(3 * MEBIBYTE), { status: 400 })
  );
  await proxying([server.url], async ({ proxy, fleet, accounts }) => {
    const lease = fleet.acquire("m", new Set());
    assert.ok(typeof lease === "object");
    lease.end("reset");
    const response = await proxy(request());
    assert.equal((await response.bytes()).length, 3 * MEBIBYTE);
    assert.equal(accounts[0]?.outcome, "client_error");
    assert.equal(fleet.servers[0]?.health.consecutiveRequestFailures, 1);
  });
});

Deno.test("the last upstream answer is passed on whole, or without a clean end", async () => {
  await using server = startUpstream(() =>
    new Response(new Uint8Array(3 * MEBIBYTE), { status: 500 })
  );
  await proxying([server.url], async ({ proxy }) => {
    const response = await proxy(request());
    assert.equal(response.status, 500);
    const length = await response.bytes().then(
      (bytes) => bytes.length,
      () => "broken",
    );
    assert.ok(
      length === 3 * MEBIBYTE || length === "broken",
      `a clean end after ${length} bytes`,
    );
  });
});

for (const encoding of ["gzip", "deflate", "identity", undefined]) {
  Deno.test(`what a server compressed is what its headers say, for a client that ${encoding ? `accepts ${encoding}` : "says nothing"}`, async () => {
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
