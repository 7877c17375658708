import assert from "node:assert/strict";
import fc from "fast-check";
import { headersForAttempt, headersForClient, headersForServers } from "../../src/proxy/headers.ts";
import { numRuns } from "../support/property.ts";

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

const WELL_KNOWN = [
  ...Object.keys(HOP_BY_HOP),
  "accept-encoding",
  "access-control-allow-credentials",
  "access-control-allow-origin",
  "authorization",
  "content-length",
  "content-type",
  "expect",
  "host",
  "set-cookie",
  "x-data-parallel-rank",
  "x-request-id",
].filter((name) => name !== "connection");
const anyCase = (name: string) =>
  fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }).map((capitals) =>
    [...name].map((letter, i) => capitals[i] ? letter.toUpperCase() : letter).join("")
  );
const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}$/);
const headerName = fc.oneof(fc.constantFrom(...WELL_KNOWN).chain(anyCase), token);
/** As the runtime lets it through: no control character but the tab, bytes above ASCII too. */
const headerValue = fc.stringMatching(/^[\t -~\x80-\xff]{0,20}$/);
const separator = fc.constantFrom(",", ", ", " ,\t", ",,");
const connectionValue = fc.array(fc.tuple(headerName, separator), { maxLength: 4 }).map((
  named,
) => ({
  named: named.map(([name]) => name.toLowerCase()),
  value: named.flat().join(""),
}));
const anyHead = fc.record({
  pairs: fc.array(fc.tuple(headerName, headerValue), { maxLength: 12 }),
  connections: fc.array(fc.tuple(anyCase("connection"), connectionValue), { maxLength: 3 }),
}).map(({ pairs, connections }) => ({
  named: connections.flatMap(([, { named }]) => named),
  headers: new Headers([
    ...pairs.filter(([name]) => name.toLowerCase() !== "connection"),
    ...connections.map(([name, { value }]): [string, string] => [name, value]),
  ]),
}));
const names = (pairs: readonly [string, string][]) => pairs.map(([name]) => name);

Deno.test("whatever a client sends, nothing of its connection reaches a server, and all else does", () => {
  fc.assert(
    fc.property(anyHead, fc.option(token, { nil: undefined }), ({ headers, named }, key) => {
      const sent = headersForAttempt(headersForServers(headers), "id", key);
      const kept = headersForServers(headers).slice(1);
      const dropped = [
        ...Object.keys(HOP_BY_HOP).slice(0, -2),
        ...named,
        "accept-encoding",
        "content-length",
        "expect",
        "host",
        "x-data-parallel-rank",
        "x-request-id",
      ];
      assert.deepEqual(kept, [...headers].filter(([name]) => !dropped.includes(name)));
      for (const name of ["accept-encoding", "x-request-id"]) {
        assert.equal(names(sent).filter((sent) => sent === name).length, 1, name);
      }
      if (key !== undefined) {
        const keys = sent.filter(([name]) => name === "authorization");
        assert.deepEqual(keys, [["authorization", `Bearer ${key}`]]);
      }
      // As it is sent: every name one token in small letters, every value one line.
      for (const [name, value] of sent) {
        assert.match(name, /^[!#$%&'*+.^_`|~0-9a-z-]+$/);
        assert.match(value, /^[\t -~\x80-\xff]*$/);
      }
    }),
    { numRuns },
  );
});

Deno.test("whatever a server sends, nothing of its connection reaches a client, and all else does", () => {
  fc.assert(
    fc.property(anyHead, ({ headers, named }) => {
      const sent = headersForClient(headers, "id");
      const dropped = [
        ...Object.keys(HOP_BY_HOP).slice(0, -2),
        ...named,
        "access-control-allow-credentials",
        "access-control-allow-origin",
        "content-length",
        "x-request-id",
      ];
      assert.deepEqual(sent.slice(0, -2), [...headers].filter(([name]) => !dropped.includes(name)));
      assert.deepEqual(sent.slice(-2), [
        ["x-request-id", "id"],
        ["access-control-allow-origin", "*"],
      ]);
    }),
    { numRuns },
  );
});
