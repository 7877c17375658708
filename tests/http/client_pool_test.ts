import assert from "node:assert/strict";
import { createServer } from "node:https";
import { openClientPool, type Route } from "../../src/http/client_pool.ts";
import type { Fetch } from "../../src/http/fetch.ts";
import { createAuthority } from "../security/certificates.ts";
import { chunk, say, startRaw, STREAM_HEAD } from "../support/raw.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

Deno.test("connections are reused, except by fetchFresh", async () => {
  await using server = startRaw((connection) => say(connection, OK));
  const connections = openClientPool();
  try {
    const { fetch, fetchFresh } = connections.to({});
    const ask = async (fetch: Fetch) => {
      const response = await fetch(server.url, { method: "POST", headers: [] });
      assert.equal(await response.text(), "ok");
    };
    for (let i = 0; i < 3; i++) await ask(fetch);
    assert.equal(server.connections(), 1);
    for (let i = 0; i < 3; i++) await ask(fetchFresh);
    assert.equal(server.connections(), 4);
    await ask(fetch);
    assert.equal(server.connections(), 4);
  } finally {
    connections.close();
  }
});

Deno.test("servers without a ca share a pool, and each ca has its own", () => {
  const connections = openClientPool();
  try {
    const shared = connections.to({});
    assert.equal(connections.to({}), shared);
    const own = connections.to({ ca: PEM });
    assert.notEqual(own, shared);
    assert.equal(connections.to({ ca: PEM }), own);
  } finally {
    connections.close();
  }
});

Deno.test("a server that requests a client certificate gets the configured one", async () => {
  const authority = await createAuthority();
  const [own, clientCertificate] = [await authority.issue(), await authority.issue()];
  const server = createServer(
    { ...own, ca: [authority.ca], requestCert: true, rejectUnauthorized: true },
    (_, response) => void response.end("let in"),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const connections = openClientPool();
  try {
    const ask = async (route: Route) => {
      const { fetch } = connections.to({ ca: authority.ca, ...route });
      return await (await fetch(`https://127.0.0.1:${port}/`, { headers: [] })).text();
    };
    await assert.rejects(ask({}));
    assert.equal(await ask({ clientCertificate }), "let in");
  } finally {
    connections.close();
    await new Promise((resolve) => server.close(resolve));
  }
});

Deno.test("a closed pool is reopened on demand, and closing twice is harmless", () => {
  const connections = openClientPool();
  const before = connections.to({});
  connections.close();
  connections.close();
  assert.notEqual(connections.to({}), before);
  connections.close();
});

Deno.test("a pool unused for long is closed, but requests in flight complete", async () => {
  let now = 0;
  const rest = Promise.withResolvers<void>();
  await using server = startRaw(async (connection) => {
    await say(connection, STREAM_HEAD + chunk("begun"));
    await rest.promise;
    await say(connection, chunk(", ended") + chunk(""));
  });
  const connections = openClientPool("deno", () => now);
  try {
    const old = connections.to({ ca: PEM });
    const ask = (fetch: Fetch) => fetch(server.url, { method: "POST", headers: [] });
    const streams = await Promise.all([ask(old.fetch), ask(old.fetchFresh)]);
    const asked = connections.to({});
    for (let second = 1; second <= 180; second++) {
      now = second * 1_000;
      assert.equal(connections.to({}), asked, "pools in use stay open");
      if (second <= 30) assert.equal(connections.to({ ca: PEM }), old);
    }
    await assert.rejects(ask(old.fetch), Deno.errors.BadResource);
    await assert.rejects(ask(old.fetchFresh), Deno.errors.BadResource);
    rest.resolve();
    for (const stream of streams) assert.equal(await stream.text(), "begun, ended");
    assert.notEqual(connections.to({ ca: PEM }), old, "a route used again gets a new pool");
  } finally {
    rest.resolve();
    connections.close();
  }
});

/** A self-signed certificate. */
const PEM = `-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUYrKbbQq4w+MhqN+dF4QG8wPZYaQwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjIyMTQ5MTNaGA8yMTI2MTAyOTIxNDkx
M1owDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGtf
qIAbtsaVxN0BjKBF0uCnq+J2dJFqDaF3YCWhbFXK+rpwnmxzVjc5QRwP2O2SbwnY
DvafO6OvcDYkUQvUTumjUzBRMB0GA1UdDgQWBBT2j9DzIyCbQ/RqP7US1fu2W8Bk
PTAfBgNVHSMEGDAWgBT2j9DzIyCbQ/RqP7US1fu2W8BkPTAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIFe5lyv6OzEnVSsKqXt8aFsLtkn6u45MhJDR
rqUofS49AiEA5nBPhmGob89pB1ZnovZt+s3L9pPRLGdkRnsiwPHS8rg=
-----END CERTIFICATE-----
`;

Deno.test("a certificate is checked against the name that a server is given, not its address", async () => {
  const authority = await createAuthority();
  const names: unknown[] = [];
  const server = createServer(await authority.issue(), (request, response) => {
    names.push((request.socket as unknown as { servername: unknown }).servername);
    response.end(request.headers.host);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as { port: number }).port}`;
  const connections = openClientPool();
  try {
    const ask = async (route: Route) => {
      const { fetch } = connections.to({ ca: authority.ca, ...route });
      return await (await fetch(`https://${host}/`, { headers: [] })).text();
    };
    assert.equal(await ask({ tlsServerName: "localhost" }), host);
    assert.deepEqual(names, ["localhost"]);
    await assert.rejects(ask({ tlsServerName: "vllm.internal" }), /vllm\.internal/);
    await assert.rejects(ask({ tlsServerName: "localhost", ca: (await createAuthority()).ca }));
  } finally {
    connections.close();
    await new Promise((resolve) => server.close(resolve));
  }
});

Deno.test("connections to servers that are gone are closed, and opened again if they come back", async () => {
  await using server = startRaw((connection) => say(connection, OK));
  await using other = startRaw((connection) => say(connection, OK));
  const connections = openClientPool();
  const ask = async ({ url }: { readonly url: string }) => {
    const upstream = connections.open({ url }, { path: "/", headers: [], body: new Uint8Array() });
    await upstream.head();
    while (await upstream.read()) { /* to its end */ }
  };
  try {
    for (const target of [server, other, server, other]) await ask(target);
    assert.deepEqual([server.connections(), other.connections()], [1, 1]);
    connections.keep([{ url: other.url }]);
    for (const target of [server, other]) await ask(target);
    assert.deepEqual([server.connections(), other.connections()], [2, 1]);
  } finally {
    connections.close();
  }
});
