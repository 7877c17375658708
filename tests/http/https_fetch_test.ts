import assert from "node:assert/strict";
import { createServer } from "node:https";
import process from "node:process";
import type { Config } from "../../src/config/config.ts";
import { checkConfig } from "../../src/config/schema.ts";
import { openClientPool, type ServerConnections } from "../../src/http/client_pool.ts";
import { openHttps } from "../../src/http/https_fetch.ts";
import { failureIn, isConnectError } from "../../src/http/fetch_error.ts";
import {
  createAuthority,
  createSelfSigned,
  type TestCertificate,
} from "../security/certificates.ts";
import { type Answer, chunk, say, startRaw, STREAM_HEAD } from "../support/raw.ts";
import { until } from "../support/until.ts";
import { deadUrl } from "../support/upstream.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const HEADERS: [string, string][] = [["accept-encoding", "identity"]];
const BODY = new TextEncoder().encode("{}");

/** The server of a configuration with these keys and files. */
function serverOf(
  server: Record<string, unknown>,
  files: Readonly<Record<string, string>> = {},
): Config["servers"][number] {
  const raw = { servers: { servers: [server] } };
  const checked = checkConfig(raw, () => undefined, (name) => files[name]!);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.config.servers[0]!;
}

async function connected<T>(
  server: Config["servers"][number],
  use: (connections: ServerConnections) => Promise<T>,
): Promise<T> {
  const connections = openClientPool();
  try {
    return await use(connections.to(server));
  } finally {
    connections.close();
  }
}

/** The response of a server with that certificate, or why the request failed. */
async function asked(
  served: TestCertificate,
  keys: Record<string, unknown>,
  { ca = "", host = "127.0.0.1" } = {},
): Promise<string> {
  await using server = startRaw(() => {}, served);
  const url = server.url.replace("127.0.0.1", host);
  return await connected(serverOf({ url, ...keys }, { "ca.pem": ca }), async ({ fetch }) => {
    try {
      const response = await fetch(url, { headers: HEADERS });
      await response.body?.cancel();
      return `${response.status}`;
    } catch (error) {
      assert.ok(isConnectError(error), String(error));
      return failureIn(error);
    }
  });
}

/** Starts a server with a self-signed certificate, and calls `use` with connections that trust it. */
async function withServer(
  answer: Answer,
  use: (
    connections: ServerConnections,
    server: ReturnType<typeof startRaw>,
  ) => Promise<void>,
): Promise<void> {
  const own = await createSelfSigned();
  await using server = startRaw(answer, own);
  const config = serverOf({ url: server.url, ca: "ca.pem" }, { "ca.pem": own.cert });
  assert.equal(config.isSelfSigned, true);
  await connected(config, (connections) => use(connections, server));
}

const post = ({ fetch }: Pick<ServerConnections, "fetch">, url: string, signal?: AbortSignal) =>
  fetch(url, { method: "POST", headers: HEADERS, body: BODY, ...(signal && { signal }) });

Deno.test("ca trusts a self-signed certificate, alone or among others, and certificates signed by its CAs", async () => {
  const [own, authority, other] = [
    await createSelfSigned(),
    await createAuthority(),
    await createAuthority(),
  ];
  const signed = await authority.issue();
  const ca = { ca: "ca.pem" };
  assert.equal(await asked(own, ca, { ca: own.cert }), "200");
  for (const all of [[own.cert, authority.ca, other.ca], [other.ca, authority.ca, own.cert]]) {
    assert.equal(await asked(own, ca, { ca: all.join("") }), "200");
    assert.equal(await asked(signed, ca, { ca: all.join("") }), "200");
  }
  assert.equal(await asked(signed, ca, { ca: authority.ca }), "200");
});

Deno.test("ca rejects certificates it doesn't contain and those for other hosts", async () => {
  const [own, another] = [await createSelfSigned(), await createSelfSigned()];
  const authority = await createAuthority();
  const ca = { ca: "ca.pem" };
  const elsewhere = await asked(own, ca, { ca: own.cert, host: "localhost" });
  assert.match(elsewhere, /^invalid peer certificate: .*issued for the host in url$/);
  assert.match(await asked(own, ca, { ca: another.cert }), /certificate/);
  assert.match(await asked(own, ca, { ca: authority.ca }), /certificate/);
  assert.match(await asked(await authority.issue(), ca, { ca: own.cert }), /certificate/);
  assert.match(await asked(own, {}), /certificate/);
});

Deno.test("tls_skip_verify trusts any certificate, for any host", async () => {
  const skip = { tls_skip_verify: true };
  assert.equal(await asked(await createSelfSigned(), skip), "200");
  assert.equal(await asked(await createSelfSigned(), skip, { host: "localhost" }), "200");
  assert.equal(await asked(await (await createAuthority()).issue(), skip), "200");
});

Deno.test("a server with a self-signed certificate may request a client certificate", async () => {
  const [own, clients] = [await createSelfSigned(), await createAuthority()];
  const server = createServer(
    { ...own, ca: [clients.ca], requestCert: true, rejectUnauthorized: true },
    (_, response) => void response.end("let in"),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(server.address() as { port: number }).port}`;
  const { cert, key } = await clients.issue();
  const files = { "ca.pem": own.cert, "cert.pem": cert, "key.pem": key };
  const shown = { client_cert: "cert.pem", client_key: "key.pem" };
  const ask = (keys: Record<string, unknown>) =>
    connected(
      serverOf({ url, ...keys }, files),
      async ({ fetch }) => await (await fetch(url, { headers: HEADERS })).text(),
    );
  try {
    assert.equal(await ask({ ca: "ca.pem", ...shown }), "let in");
    assert.equal(await ask({ tls_skip_verify: true, ...shown }), "let in");
    await assert.rejects(ask({ ca: "ca.pem" }));
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

Deno.test("a body arrives as it is sent, in chunks of the requested size", async () => {
  const more = Promise.withResolvers<void>();
  await withServer(async (connection) => {
    await say(connection, STREAM_HEAD + chunk("first"));
    await more.promise;
    await say(connection, chunk("second") + chunk(""));
  }, async (connections, { url }) => {
    const response = await post(connections, url);
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const reader = response.body!.getReader({ mode: "byob" });
    const read = async (size: number) => {
      const { value, done } = await reader.read(new Uint8Array(size));
      return done ? undefined : new TextDecoder().decode(value);
    };
    assert.equal(await read(3), "fir");
    assert.equal(await read(512), "st");
    more.resolve();
    assert.equal(await read(512), "second");
    assert.equal(await read(512), undefined);
  });
});

Deno.test("a long body arrives complete, and isn't read ahead of its consumer", async () => {
  const LONG = 64 * 1024 * 1024;
  let written = 0;
  await withServer(async (connection) => {
    await say(connection, `HTTP/1.1 200 OK\r\ncontent-length: ${LONG}\r\n\r\n`);
    const piece = new Uint8Array(65_536).fill(120);
    while (written < LONG) written += await connection.write(piece);
  }, async (connections, { url }) => {
    const response = await post(connections, url);
    let last = -1;
    await until("back-pressure blocks the server", async () => {
      const before = last;
      last = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return before === last && last > 0;
    });
    assert.ok(written < LONG, `${written} bytes were taken`);
    assert.equal((await response.arrayBuffer()).byteLength, LONG);
  });
});

Deno.test("cancelling a response that is too large closes its connection", async () => {
  const ended = Promise.withResolvers<void>();
  let written = 0;
  await withServer(async (connection) => {
    await say(connection, STREAM_HEAD);
    const event = chunk("x".repeat(65_536));
    try {
      while (true) {
        await say(connection, event);
        written++;
      }
    } finally {
      ended.resolve();
    }
  }, async (connections, { url }) => {
    const response = await post(connections, url);
    let last = -1;
    await until("back-pressure blocks the server", async () => {
      const before = last;
      last = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return before === last && last > 0;
    });
    await response.body!.cancel();
    await ended.promise;
  });
});

Deno.test("statuses without a body have none, and invalid statuses are errors", async () => {
  const answers = [
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n" + OK,
    "HTTP/1.1 307 Elsewhere\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n",
    "HTTP/1.1 700 What\r\ncontent-length: 0\r\n\r\n",
    "nonsense\r\n\r\n",
  ];
  let next = 0;
  await withServer(
    (connection) => say(connection, answers[next++]!),
    async (connections, { url }) => {
      const ask = async () => {
        const response = await post(connections, url);
        return [response.status, await response.text()];
      };
      assert.deepEqual(await ask(), [204, ""]);
      assert.deepEqual(await ask(), [200, "ok"]);
      assert.deepEqual(await ask(), [307, ""]);
      for (let i = 0; i < 3; i++) {
        await assert.rejects(ask(), (error) => !isConnectError(error));
      }
    },
  );
});

Deno.test("a signal aborts a request at every stage with its reason, and closes the connection", async () => {
  const ended: Promise<unknown>[] = [];
  let isSilent = false;
  await withServer(async (connection) => {
    if (!isSilent) await say(connection, STREAM_HEAD + chunk("begun"));
    const { promise, resolve } = Promise.withResolvers<unknown>();
    ended.push(promise);
    await connection.read(new Uint8Array(1)).then(resolve, resolve);
  }, async (connections, { url }) => {
    const why = new Error("no longer wanted");
    const is = (error: unknown) => error === why;
    await assert.rejects(post(connections, url, AbortSignal.abort(why)), is);

    const atOnce = new AbortController();
    const never = post(connections, url, atOnce.signal);
    atOnce.abort(why);
    await assert.rejects(never, is);

    const midway = new AbortController();
    const reader = (await post(connections, url, midway.signal)).body!.getReader({ mode: "byob" });
    await reader.read(new Uint8Array(512));
    const next = reader.read(new Uint8Array(512));
    midway.abort(why);
    await assert.rejects(next, is);
    await ended[0];

    const cancelled = await post(connections, url);
    await cancelled.body!.cancel();
    await ended[1];

    isSilent = true;
    const waiting = new AbortController();
    const head = post(connections, url, waiting.signal);
    head.catch(() => {});
    await until("the server has the request", () => ended.length === 3);
    waiting.abort(why);
    await assert.rejects(head, is);
    await ended[2];
  });
});

Deno.test("errors are distinct: no connection, closed before the head, response truncated", async () => {
  const own = await createSelfSigned();
  const dead = deadUrl().replace("http:", "https:");
  const config = serverOf({ url: dead, ca: "ca.pem" }, { "ca.pem": own.cert });
  await connected(config, (connections) =>
    assert.rejects(post(connections, dead), (error) => {
      assert.match(failureIn(error), /^connection refused$/i);
      return isConnectError(error);
    }));

  let text = "";
  await withServer(async (connection) => {
    await say(connection, text);
    connection.close();
  }, async (connections, { url }) => {
    await assert.rejects(post(connections, url), (error) => {
      assert.equal(failureIn(error), "connection reset by peer");
      return !isConnectError(error);
    });
    for (const cut of [chunk("begun"), `${chunk("begun")}7\r\nbrok`]) {
      text = STREAM_HEAD + cut;
      const response = await post(connections, url);
      await assert.rejects(response.text(), (error) => !isConnectError(error));
    }
    text = "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nshort";
    await assert.rejects((await post(connections, url)).text());
  });
});

Deno.test("connections are reused, except by fetchFresh", async () => {
  await withServer((connection) => say(connection, OK), async (connections, server) => {
    const ask = async (fetch: ServerConnections["fetch"]) => {
      assert.equal(await (await post({ fetch }, server.url)).text(), "ok");
      // The agent gets the connection back shortly after the end of the body.
      await new Promise((resolve) => setTimeout(resolve));
    };
    const warnings: string[] = [];
    const warn = ({ message }: Error) => void warnings.push(message);
    process.on("warning", warn);
    // More often than the listener count at which Node warns of a leak.
    for (let i = 0; i < 20; i++) await ask(connections.fetch);
    process.off("warning", warn);
    assert.deepEqual(warnings, []);
    assert.equal(server.connections(), 1);
    for (let i = 0; i < 3; i++) await ask(connections.fetchFresh);
    assert.equal(server.connections(), 4);
    await ask(connections.fetch);
    assert.equal(server.connections(), 4);
  });
});

Deno.test("a request is resent if its reused connection turns out to be closed", async () => {
  await withServer(async (connection, nth) => {
    if (nth === 2) connection.close();
    else await say(connection, OK);
  }, async (connections, server) => {
    await until("a connection is reused", async () => {
      assert.equal(await (await post(connections, server.url)).text(), "ok");
      return server.requests() > server.connections();
    });
  });
});

Deno.test("a server that stops during a request on a kept-alive connection can no longer be reached", async () => {
  const own = await createSelfSigned();
  let ended: PromiseLike<void> | undefined;
  const server = startRaw(async (connection, nth) => {
    if (nth === 1) await say(connection, OK);
    else ended = server[Symbol.asyncDispose]();
  }, own);
  const config = serverOf({ url: server.url, ca: "ca.pem" }, { "ca.pem": own.cert });
  await connected(config, async (connections) => {
    let failure: unknown;
    await until("a connection is reused", async () => {
      try {
        assert.equal(await (await post(connections, server.url)).text(), "ok");
      } catch (error) {
        failure = error;
      }
      return ended !== undefined;
    });
    assert.ok(isConnectError(failure), String(failure));
    assert.equal(failureIn(failure), "connection refused");
  });
  await ended;
});

Deno.test("headers arrive unchanged, and an invalid one is an error", async () => {
  const heads: string[] = [];
  const own = await createSelfSigned();
  const server = createServer(own, (request, response) => {
    const { rawHeaders } = request;
    heads.push(rawHeaders.filter((_, index) => rawHeaders[index & ~1]!.startsWith("x-")).join(" "));
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(server.address() as { port: number }).port}`;
  const config = serverOf({ url, ca: "ca.pem" }, { "ca.pem": own.cert });
  try {
    await connected(config, async ({ fetch }) => {
      await fetch(url, {
        headers: [["x-a", "1"], ["x-b", "2"], ["x-a", "3"], ["__proto__", "4"], [
          "constructor",
          "5",
        ]],
      });
      assert.deepEqual(heads, ["x-a 1 x-a 3 x-b 2"]);
      await assert.rejects(fetch(url, { headers: [["x-a", "\x01"]] }));
      assert.equal(heads.length, 1);
    });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

Deno.test("connections are closed after a long idle time, but not while in use", async () => {
  const closings = new Set<Promise<unknown>>();
  const own = await createSelfSigned();
  const rest = Promise.withResolvers<void>();
  await using server = startRaw(async (connection) => {
    await say(connection, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nok");
    await rest.promise;
    await say(connection, "ok");
    closings.add(connection.read(new Uint8Array(1)).catch(() => null));
  }, own);
  const idleMs = 100;
  const https = openHttps({ ca: own.cert, idleMs, idlePerServer: 8 });
  try {
    const response = await post(https, server.url);
    await new Promise((resolve) => setTimeout(resolve, 3 * idleMs));
    rest.resolve();
    assert.equal(await response.text(), "okok");
    await until("the server is done", () => closings.size === 1);
    assert.equal(await [...closings][0], null);
  } finally {
    https.close();
  }
});

Deno.test("after closing, new requests are refused and those in flight complete", async () => {
  const rest = Promise.withResolvers<void>();
  const own = await createSelfSigned();
  await using server = startRaw(async (connection) => {
    await say(connection, STREAM_HEAD + chunk("begun"));
    await rest.promise;
    await say(connection, chunk(", ended") + chunk(""));
  }, own);
  const config = serverOf({ url: server.url, ca: "ca.pem" }, { "ca.pem": own.cert });
  const connections = openClientPool();
  const to = connections.to(config);
  const streams = [await post(to, server.url), await post({ fetch: to.fetchFresh }, server.url)];
  connections.close();
  await assert.rejects(post(to, server.url), Deno.errors.BadResource);
  await assert.rejects(post({ fetch: to.fetchFresh }, server.url), Deno.errors.BadResource);
  rest.resolve();
  for (const stream of streams) assert.equal(await stream.text(), "begun, ended");
});
