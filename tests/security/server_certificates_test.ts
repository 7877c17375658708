import assert from "node:assert/strict";
import { startCli } from "../support/cli.ts";
import { startForwardProxy } from "../support/forward_proxy.ts";
import { chunk, say, startRaw, STREAM_HEAD } from "../support/raw.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";
import { deadUrl } from "../support/upstream.ts";
import { createAuthority, createSelfSigned } from "./certificates.ts";
import { CHAT, configText, startGuarded, startRecorder, statusOf } from "./guarded.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
const EVENT = `data: {"choices":[{"delta":{"content":"a"}}]}\n\n`;
const CA = `ca = "ca.pem"`;

const ask = (url: string, signal?: AbortSignal) =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    body: CHAT,
    ...(signal && { signal }),
  });

Deno.test("a server with a self-signed certificate is checked, scraped and queried, with and without streaming", async () => {
  const own = await createSelfSigned();
  const last = EVENT.replace("}]", `,"finish_reason":"stop"}]`);
  const events = `${EVENT}${last}data: [DONE]\n\n`;
  await using server = startRecorder(async (request) => {
    const isStream = (await request.text()).includes("stream");
    return isStream
      ? new Response(events, { headers: { "content-type": "text/event-stream" } })
      : Response.json({ whole: true });
  }, own);
  await using router = await startGuarded({
    server: server.url,
    serverKeys: CA,
    files: { "ca.pem": own.cert },
  });
  assert.deepEqual(await (await router.ask()).json(), { whole: true });
  const streamed = await router.ask({ body: CHAT.replace("}", `,"stream":true}`) });
  assert.equal(await streamed.text(), events);
  const paths = () => [...new Set(server.looks.map(({ path }) => path))].sort();
  await until("all have been polled", () => paths().length === 3);
  assert.deepEqual(paths(), ["/health", "/metrics", "/v1/models"]);
  assert.equal(router.gateway.fleet.snapshot().servers[0]!.state, "healthy");
});

Deno.test("a server with an untrusted certificate, or one for another host, is unhealthy with the reason", async () => {
  const own = await createSelfSigned();
  await using server = startRecorder(undefined, own);
  for (
    const [url, ca] of [
      [server.url, (await createSelfSigned()).cert],
      [server.url, (await createAuthority()).ca],
      [server.url.replace("127.0.0.1", "localhost"), own.cert],
    ] as const
  ) {
    await using router = await startGuarded({
      server: url,
      serverKeys: CA,
      files: { "ca.pem": ca },
    });
    const state = () => router.gateway.fleet.snapshot().servers[0]!;
    await until("the server is unhealthy", () => state().state === "unhealthy");
    assert.match(state().reason ?? "", /certificate/);
    assert.equal(await statusOf(router.ask()), 503);
  }
  assert.deepEqual(server.looks, []);
});

Deno.test("tls_skip_verify is a warning at the start and at each reload", async () => {
  await using server = startRecorder(undefined, await createSelfSigned());
  const options = { server: server.url, serverKeys: `name = "gpu-7", tls_skip_verify = true` };
  const folder = await Deno.makeTempDir();
  try {
    const write = (settings: string) =>
      Deno.writeTextFile(`${folder}/servers.toml`, configText({ ...options, settings }));
    await write("");
    await using router = await startCli(["--config", `${folder}/servers.toml`]);
    const warned = () =>
      router.output().match(/tls_skip_verify[^\n]*certificate of gpu-7 is not checked/g)?.length;
    await until("the warning is logged", () => warned() === 1);
    assert.equal(await statusOf(ask(router.url)), 200);
    await write("debug_headers = true");
    await until("the warning is logged again", () => warned() === 2);
    assert.doesNotMatch(router.output(), /NotCapable|Requires .* access/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("proxy variables in the environment are ignored for such servers", async () => {
  await using proxy = startForwardProxy();
  const own = await createSelfSigned();
  await using server = startRecorder(undefined, own);
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/ca.pem`, own.cert);
    const text = configText({ server: server.url, serverKeys: CA });
    await Deno.writeTextFile(`${folder}/servers.toml`, text);
    const address = `http://${proxy.address}`;
    const env = { HTTPS_PROXY: address, ALL_PROXY: address, NODE_USE_ENV_PROXY: "1", NO_PROXY: "" };
    await using router = await startCli(["--config", `${folder}/servers.toml`], { env });
    assert.equal(await statusOf(ask(router.url)), 200);
    assert.deepEqual(proxy.heads, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a client that disconnects during a stream closes the server's connection", async () => {
  const own = await createSelfSigned();
  const closed = Promise.withResolvers<unknown>();
  await using server = startRaw(async (connection) => {
    await say(connection, STREAM_HEAD + chunk(EVENT));
    await connection.read(new Uint8Array(1)).then(closed.resolve, closed.resolve);
  }, own);
  const files = { "ca.pem": own.cert };
  const router = await startRouter([{ url: server.url, ca: "ca.pem", models: ["m"] }], {}, files);
  try {
    const client = new AbortController();
    const reader = (await ask(router.url, client.signal)).body!.getReader();
    await reader.read();
    client.abort();
    await closed.promise;
    await until("nothing is in flight", () => router.view().totals.inFlight === 0);
  } finally {
    await router.shutdown(0);
  }
});

Deno.test("a request fails over if a server closes before the head or is down", async () => {
  const own = await createSelfSigned();
  await using breaking = startRaw((connection) => connection.close(), own);
  await using well = startRaw((connection) => say(connection, OK), own);
  const files = { "ca.pem": own.cert };
  for (const url of [breaking.url, deadUrl().replace("http:", "https:")]) {
    const servers = [url, well.url].map((url) => ({ url, ca: "ca.pem", models: ["m"] }));
    const settings = { policy: "round_robin", enable_active_health_check: false };
    const router = await startRouter(servers, settings, files);
    try {
      for (let i = 0; i < 4; i++) assert.equal(await statusOf(ask(router.url)), 200);
    } finally {
      await router.shutdown(0);
    }
  }
  assert.ok(breaking.requests() > 0);
});

Deno.test("connections are reused, and one closed while idle doesn't count as a failure", async () => {
  const own = await createSelfSigned();
  let isFickle = false;
  await using server = startRaw(async (connection, nth) => {
    if (isFickle && nth > 1) connection.close();
    else await say(connection, OK);
  }, own);
  const files = { "ca.pem": own.cert };
  const router = await startRouter([{ url: server.url, ca: "ca.pem", models: ["m"] }], {}, files);
  try {
    for (let i = 0; i < 20; i++) assert.equal(await statusOf(ask(router.url)), 200);
    assert.ok(server.connections() < 10, `${server.connections()} connections`);
    isFickle = true;
    for (let i = 0; i < 20; i++) assert.equal(await statusOf(ask(router.url)), 200);
    assert.equal(router.fleet.snapshot().servers[0]!.consecutiveFailures, 0);
  } finally {
    await router.shutdown(0);
  }
});
