import assert from "node:assert/strict";
import fc from "fast-check";
import {
  headersForAttempt,
  headersForClient,
  headersForServers,
  type Sender,
} from "../../src/proxy/headers.ts";
import { Fields } from "../../src/http/h1/fields.ts";
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

/** An untrusted client without a key of the router's. */
const ANYBODY: Sender = { showsRoutersKey: false, isTrusted: false };

function sentOn(headers: Headers, sender = ANYBODY): [string, string][] {
  const sent = headersForServers(headers, sender);
  assert.ok(Array.isArray(sent), "it is short enough");
  return sent;
}

function forServers(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(sentOn(new Headers(headers)));
}

/** The headers that the router adds. */
const OWN: [string, string][] = [
  ["x-request-id", "id-1"],
  ["access-control-allow-origin", "*"],
];

function forClient(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(headersForClient(new Headers(headers), OWN));
}

Deno.test("hop-by-hop headers of the client, and those named in Connection, reach no server", () => {
  assert.deepEqual(
    forServers({ ...HOP_BY_HOP, "x-kept": "yes" }),
    { "x-kept": "yes", "accept-encoding": "identity" },
  );
});

Deno.test("a header that the client repeats reaches servers once, with all values", () => {
  const client = new Fields([["content-type", "a/b"], ["x", "1"], ["content-type", "c/d"]]);
  assert.deepEqual(headersForServers(client, ANYBODY), [
    ["accept-encoding", "identity"],
    ["content-type", "a/b, c/d"],
    ["x", "1"],
  ]);
  assert.deepEqual([...client][0], ["content-type", "a/b"], "the request stays as it is");
});

Deno.test("hop-by-hop headers of the server, and those named in Connection, don't reach the client", () => {
  assert.deepEqual(
    forClient({ ...HOP_BY_HOP, "content-length": "12", "x-kept": "yes" }),
    { "x-kept": "yes", "x-request-id": "id-1", "access-control-allow-origin": "*" },
  );
});

Deno.test("a server's rate limit headers don't reach clients, the router's do", () => {
  const server = new Headers({
    "x-ratelimit-limit-requests": "100",
    "x-ratelimit-remaining-tokens": "7",
    "x-kept": "yes",
  });
  const own = [["x-ratelimit-limit-requests", "3"]] as [string, string][];
  assert.deepEqual(headersForClient(server, own), [
    ["x-kept", "yes"],
    ["x-ratelimit-limit-requests", "3"],
  ]);
});

Deno.test("headers that the router sets itself, or trusts no client with, are not passed on", () => {
  assert.deepEqual(
    forServers({
      host: "router",
      expect: "100-continue",
      "content-encoding": "gzip",
      "content-length": "12",
      "x-request-id": "mine",
      "endpoint-load-metrics-format": "JSON",
      "x-data-parallel-rank": "1",
      forwarded: "for=1.2.3.4",
      "x-forwarded-for": "1.2.3.4",
      "x-forwarded-proto": "https",
      "x-real-ip": "1.2.3.4",
    }),
    { "accept-encoding": "identity" },
  );
});

Deno.test("all other headers go to the server unchanged", () => {
  const headers = {
    accept: "text/event-stream",
    authorization: "Bearer client",
    "content-type": "application/json",
    traceparent: "00-1-2-01",
    tracestate: "a=b",
    "x-custom": "a, b",
  };
  assert.deepEqual(forServers({ ...headers, "accept-encoding": "gzip" }), {
    ...headers,
    "accept-encoding": "identity",
  });
});

Deno.test("the server's headers reach the client, with the client's own request id", () => {
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

Deno.test("the router's CORS headers replace the server's", () => {
  for (const origin of ["*", "https://chat.example"]) {
    const server = new Headers({ "access-control-allow-origin": origin });
    assert.equal(
      new Headers(headersForClient(server, OWN)).get("access-control-allow-origin"),
      "*",
    );
  }
});

Deno.test("several cookies stay separate", () => {
  const headers = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
  assert.deepEqual(
    headersForClient(headers, OWN).filter(([name]) => name === "set-cookie"),
    [["set-cookie", "a=1"], ["set-cookie", "b=2"]],
  );
});

Deno.test("an attempt has its own id, and the server's key in place of the client's", () => {
  const shared = sentOn(new Headers({ authorization: "Bearer client", accept: "*/*" }));
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

Deno.test("an attempt's trace context replaces the client's, which passes without one", () => {
  const client = { traceparent: "of-the-client", tracestate: "a=1", accept: "*/*" };
  const shared = sentOn(new Headers(client));
  const traced = headersForAttempt(shared, "id", undefined, [["traceparent", "of-the-attempt"]]);
  assert.deepEqual(Object.fromEntries(traced), {
    accept: "*/*",
    "accept-encoding": "identity",
    traceparent: "of-the-attempt",
    "x-request-id": "id",
  });
  const passed = Object.fromEntries(headersForAttempt(shared, "id", undefined));
  assert.equal(passed.traceparent, "of-the-client");
  assert.equal(passed.tracestate, "a=1");
});

Deno.test("a client's key for the router reaches no server, in either header", () => {
  const headers = new Headers({ authorization: "Bearer k", "x-api-key": "k", accept: "*/*" });
  const shows = { showsRoutersKey: true, isTrusted: false };
  assert.deepEqual(Object.fromEntries(sentOn(headers, shows)), {
    accept: "*/*",
    "accept-encoding": "identity",
  });
  assert.deepEqual(Object.fromEntries(sentOn(headers)), {
    accept: "*/*",
    "accept-encoding": "identity",
    authorization: "Bearer k",
    "x-api-key": "k",
  });
});

Deno.test("a server's key replaces both of the client's", () => {
  const shared = sentOn(new Headers({ authorization: "Bearer client", "x-api-key": "client" }));
  const sent = headersForAttempt(shared, "id", "secret");
  assert.deepEqual(Object.fromEntries(sent), {
    "accept-encoding": "identity",
    authorization: "Bearer secret",
    "x-request-id": "id",
  });
});

Deno.test("only a trusted proxy may send forwarding headers", () => {
  const said = {
    forwarded: "for=1.2.3.4",
    "x-forwarded-for": "1.2.3.4",
    "x-forwarded-proto": "https",
    "x-real-ip": "1.2.3.4",
  };
  const trusted = { showsRoutersKey: false, isTrusted: true };
  const headers = new Headers(said);
  assert.deepEqual(Object.fromEntries(sentOn(headers, trusted)), {
    ...said,
    "accept-encoding": "identity",
  });
  assert.deepEqual(Object.fromEntries(sentOn(headers)), { "accept-encoding": "identity" });
});

for (
  const [what, headers, fits] of [
    ["100 headers", Array.from({ length: 100 }, (_, i) => [`x-${i}`, "v"]), true],
    ["101 headers", Array.from({ length: 101 }, (_, i) => [`x-${i}`, "v"]), false],
    ["101 headers that would not go on", [
      ...Array.from({ length: 100 }, (_, i) => [`x-forwarded-${i}`, "v"]),
      ["host", "x"],
    ], false],
    ["32 KiB", [["x", "v".repeat(32 * 1024 - 1)]], true],
    ["a byte more than 32 KiB", [["x", "v".repeat(32 * 1024)]], false],
  ] as [string, [string, string][], boolean][]
) {
  Deno.test(`a head of ${what} is ${fits ? "passed on" : "refused with 431"}`, () => {
    const sent = headersForServers(new Headers(headers), ANYBODY);
    if (fits) assert.ok(Array.isArray(sent));
    else assert.ok("status" in sent && sent.status === 431);
  });
}

const WELL_KNOWN = [
  ...Object.keys(HOP_BY_HOP),
  "accept-encoding",
  "access-control-allow-credentials",
  "access-control-allow-origin",
  "authorization",
  "content-length",
  "content-type",
  "endpoint-load-metrics-format",
  "expect",
  "forwarded",
  "host",
  "set-cookie",
  "x-api-key",
  "x-data-parallel-rank",
  "x-forwarded-for",
  "x-real-ip",
  "x-request-id",
].filter((name) => name !== "connection");
const anyCase = (name: string) =>
  fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }).map((capitals) =>
    [...name].map((letter, i) => capitals[i] ? letter.toUpperCase() : letter).join("")
  );
const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}$/);
const headerName = fc.oneof(fc.constantFrom(...WELL_KNOWN).chain(anyCase), token);
/** Values that the runtime accepts: bytes above ASCII, and no control character except the tab. */
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
const anySender: fc.Arbitrary<Sender> = fc.record({
  showsRoutersKey: fc.boolean(),
  isTrusted: fc.boolean(),
});
const names = (pairs: readonly [string, string][]) => pairs.map(([name]) => name);

Deno.test("for any client headers, hop-by-hop ones reach no server and all others do", () => {
  fc.assert(
    fc.property(anyHead, anySender, fc.option(token, { nil: undefined }), (head, sender, key) => {
      const { headers, named } = head;
      const sent = headersForAttempt(sentOn(headers, sender), "id", key);
      const kept = sentOn(headers, sender).slice(1);
      const dropped = [
        ...Object.keys(HOP_BY_HOP).slice(0, -2),
        ...named,
        "accept-encoding",
        "content-length",
        "endpoint-load-metrics-format",
        "expect",
        "host",
        "x-data-parallel-rank",
        "x-request-id",
        ...(sender.isTrusted ? [] : ["forwarded", "x-forwarded-for", "x-real-ip"]),
        ...(sender.showsRoutersKey ? ["authorization", "x-api-key"] : []),
      ];
      // `Headers` joins all values of a name except those of `set-cookie`, which clients don't send.
      const all = new Map<string, string>();
      for (const [name, value] of headers) {
        const before = all.get(name);
        all.set(name, before === undefined ? value : `${before}, ${value}`);
      }
      assert.deepEqual(kept, [...all].filter(([name]) => !dropped.includes(name)));
      for (const name of ["accept-encoding", "x-request-id"]) {
        assert.equal(names(sent).filter((sent) => sent === name).length, 1, name);
      }
      if (key !== undefined) {
        const keys = sent.filter(([name]) => ["authorization", "x-api-key"].includes(name));
        assert.deepEqual(keys, [["authorization", `Bearer ${key}`]]);
      }
      // As sent: each name is one lower-case token, each value is one line.
      for (const [name, value] of sent) {
        assert.match(name, /^[!#$%&'*+.^_`|~0-9a-z-]+$/);
        assert.match(value, /^[\t -~\x80-\xff]*$/);
      }
    }),
    { numRuns },
  );
});

Deno.test("for any server headers, hop-by-hop ones don't reach the client and all others do", () => {
  fc.assert(
    fc.property(anyHead, ({ headers, named }) => {
      const sent = headersForClient(headers, OWN);
      const dropped = [
        ...Object.keys(HOP_BY_HOP).slice(0, -2),
        ...named,
        "access-control-allow-credentials",
        "access-control-allow-origin",
        "content-length",
        "x-request-id",
      ];
      assert.deepEqual(sent.slice(0, -2), [...headers].filter(([name]) => !dropped.includes(name)));
      assert.deepEqual(sent.slice(-2), OWN);
    }),
    { numRuns },
  );
});
