import assert from "node:assert/strict";
import { headersForAttempt, headersForClient, headersForServers } from "../../src/proxy/headers.ts";

const HOP_BY_HOP = {
  connection: "keep-alive, X-Private , x-other",
  "keep-alive": "timeout=5",
  "proxy-authenticate": "Basic",
  "proxy-authorization": "Basic abc",
  "proxy-connection": "keep-alive",
  te: "trailers",
  trailer: "x-checksum",
  "transfer-encoding": "chunked",
  upgrade: "websocket",
  "x-private": "named in connection",
  "x-other": "named too",
};

function forServers(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(headersForServers(new Headers(headers)));
}

function forClient(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(headersForClient(new Headers(headers), "id-1"));
}

Deno.test("headers of the client's connection, and those it names, reach no server", () => {
  assert.deepEqual(
    forServers({ ...HOP_BY_HOP, "x-kept": "yes" }),
    { "x-kept": "yes", "accept-encoding": "identity" },
  );
});

Deno.test("headers of the server's connection, and those it names, don't reach the client", () => {
  assert.deepEqual(
    forClient({ ...HOP_BY_HOP, "content-length": "12", "x-kept": "yes" }),
    { "x-kept": "yes", "x-request-id": "id-1", "access-control-allow-origin": "*" },
  );
});

Deno.test("what the router makes anew or trusts no client with is not passed on", () => {
  assert.deepEqual(
    forServers({
      host: "router",
      expect: "100-continue",
      "content-length": "12",
      "x-request-id": "mine",
      "x-data-parallel-rank": "1",
    }),
    { "accept-encoding": "identity" },
  );
});

Deno.test("all other headers go to the server as they came", () => {
  const headers = {
    accept: "text/event-stream",
    authorization: "Bearer client",
    "content-type": "application/json",
    traceparent: "00-1-2-01",
    tracestate: "a=b",
    "endpoint-load-metrics-format": "JSON",
    "x-custom": "a, b",
  };
  assert.deepEqual(forServers({ ...headers, "accept-encoding": "gzip" }), {
    ...headers,
    "accept-encoding": "identity",
  });
});

Deno.test("the server's headers come to the client, the id is the one the client knows", () => {
  assert.deepEqual(
    forClient({
      "content-type": "text/event-stream; charset=utf-8",
      "content-encoding": "gzip",
      "x-request-id": "id-1-2",
      server: "uvicorn",
    }),
    {
      "content-type": "text/event-stream; charset=utf-8",
      "content-encoding": "gzip",
      "x-request-id": "id-1",
      server: "uvicorn",
      "access-control-allow-origin": "*",
    },
  );
});

Deno.test("browsers of any origin may read an answer, which they are told once", () => {
  for (const origin of ["*", "https://chat.example"]) {
    const server = new Headers({ "access-control-allow-origin": origin });
    assert.equal(
      new Headers(headersForClient(server, "id")).get("access-control-allow-origin"),
      "*",
    );
  }
});

Deno.test("several cookies stay several", () => {
  const headers = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
  assert.deepEqual(
    headersForClient(headers, "id").filter(([name]) => name === "set-cookie"),
    [["set-cookie", "a=1"], ["set-cookie", "b=2"]],
  );
});

Deno.test("an attempt has its own id, and the server's key in place of the client's", () => {
  const shared = headersForServers(
    new Headers({ authorization: "Bearer client", accept: "*/*" }),
  );
  const before = structuredClone(shared);
  assert.deepEqual(
    Object.fromEntries(headersForAttempt(shared, "id-2", "secret")),
    {
      accept: "*/*",
      "accept-encoding": "identity",
      authorization: "Bearer secret",
      "x-request-id": "id-2",
    },
  );
  assert.equal(
    new Headers(headersForAttempt(shared, "id-3", undefined))
      .get("authorization"),
    "Bearer client",
  );
  assert.deepEqual(shared, before, "attempts leave what they share alone");
});
