import assert from "node:assert/strict";
import tls from "node:tls";
import { checkConfig } from "../../src/config/schema.ts";
import { startGateway } from "../../src/gateway.ts";
import { cli } from "../support/cli.ts";
import { startBusyClient } from "../support/busy.ts";
import { http1 } from "../support/router.ts";
import { until } from "../support/until.ts";
import { createAuthority, type TestCertificate } from "./certificates.ts";
import { CHAT, configText, startGuarded, startRecorder, statusOf } from "./guarded.ts";
import { connectRaw } from "./raw_client.ts";

const TLS = `[tls]\ncert = "cert.pem"\nkey = "key.pem"`;
const filesOf = ({ cert, key }: TestCertificate) => ({ "cert.pem": cert, "key.pem": key });

/** Sends a request over a new connection that trusts one CA. */
async function askTrusting(
  ca: string,
  url: string,
): Promise<number | "not trusted" | "reset"> {
  using client = Deno.createHttpClient({ caCerts: [ca], poolMaxIdlePerHost: 0 });
  try {
    return await statusOf(fetch(`${url}/livez`, { client }));
  } catch (error) {
    const cause = String((error as Error).cause);
    // Connections still waiting for the closing listener to accept them are lost.
    if (cause.includes("Connection reset")) return "reset";
    assert.match(cause, /invalid peer certificate/);
    return "not trusted";
  }
}

/** The TLS version negotiated by a client that offers only one. */
function agreed(port: number, version: tls.SecureVersion, ca: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      host: "127.0.0.1",
      port,
      ca,
      servername: "localhost",
      minVersion: version,
      maxVersion: version,
    }, () => {
      const protocol = socket.getProtocol();
      socket.on("close", () => resolve(protocol));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

/** A ClientHello that offers at most the given version. */
function hello(version: string): string {
  const body = `${version}${"00".repeat(32)}00` + "0004c013002f" + "0100";
  const length = (bytes: number, digits: number) => bytes.toString(16).padStart(digits, "0");
  const message = `01${length(body.length / 2, 6)}${body}`;
  const record = Uint8Array.fromHex(`160301${length(message.length / 2, 4)}${message}`);
  return String.fromCharCode(...record);
}

Deno.test("TLS 1.2 and 1.3 are accepted; older versions and plain HTTP are not", async () => {
  const authority = await createAuthority();
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: TLS,
    files: filesOf(await authority.issue()),
  });
  const { port } = router.gateway;
  assert.equal(await agreed(port, "TLSv1.2", authority.ca), "TLSv1.2");
  assert.equal(await agreed(port, "TLSv1.3", authority.ca), "TLSv1.3");
  for (const version of ["0300", "0301", "0302"]) {
    await using connection = await connectRaw(port);
    await connection.send(hello(version));
    const answer = await connection.closed();
    // `node:tls` closes the connection without an alert.
    if (http1 === "own") assert.equal(answer, "", version);
    else {assert.deepEqual(
        [answer[0], ...answer.slice(3, 6)],
        ["\x15", "\0", "\x02", "\x02"],
        version,
      );}
  }
  await using plain = await connectRaw(port);
  await plain.send("GET /livez HTTP/1.1\r\nHost: router\r\n\r\n");
  assert.doesNotMatch(await plain.closed(), /HTTP|alive/);

  using client = Deno.createHttpClient({ caCerts: [authority.ca], poolMaxIdlePerHost: 0 });
  const answer = fetch(`${router.url}/v1/completions`, { method: "POST", body: CHAT, client });
  assert.equal(await statusOf(answer), 200);
  assert.equal(await askTrusting((await createAuthority()).ca, router.url), "not trusted");
});

Deno.test("a new certificate is presented as soon as its files change, and open streams continue", async () => {
  const [before, after] = [await createAuthority(), await createAuthority()];
  let send = (_: string) => {};
  let end = () => {};
  await using server = startRecorder(() =>
    new Response(
      new ReadableStream({
        start(controller) {
          send = (text) => controller.enqueue(new TextEncoder().encode(`data: ${text}\n\n`));
          end = () => controller.close();
          send("first");
        },
      }),
      { headers: { "content-type": "text/event-stream" } },
    )
  );
  await using router = await startGuarded({
    server: server.url,
    tables: TLS,
    files: filesOf(await before.issue()),
  });
  using client = Deno.createHttpClient({ caCerts: [before.ca], poolMaxIdlePerHost: 0 });
  const stream = await fetch(`${router.url}/v1/messages`, { method: "POST", body: CHAT, client });
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  assert.match((await reader.read()).value!, /first/);

  for (const [name, text] of Object.entries(filesOf(await after.issue()))) {
    await router.replace(name, text);
  }
  await until(
    "the new certificate is presented",
    async () => await askTrusting(after.ca, router.url) === 200,
  );
  await until("the old certificate is no longer presented", async () => {
    for (let i = 0; i < 20; i++) {
      if (await askTrusting(before.ca, router.url) !== "not trusted") return false;
    }
    return true;
  });

  send("second");
  assert.match((await reader.read()).value!, /second/);
  end();
  assert.equal((await reader.read()).done, true, "the stream ends as it should");
});

Deno.test("20 busy clients on kept-alive connections lose no request when a certificate is renewed", async () => {
  const [before, after] = [await createAuthority(), await createAuthority()];
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: TLS,
    files: filesOf(await before.issue()),
  });
  const url = `https://localhost:${router.gateway.port}/v1/chat/completions`;
  const clients = Array.from(
    { length: 20 },
    () => startBusyClient(url, CHAT, [before.ca, after.ca]),
  );
  await until("all clients are busy", () => clients.every(({ answered }) => answered > 2));
  for (const [name, text] of Object.entries(filesOf(await after.issue()))) {
    await router.replace(name, text);
  }
  if (http1 === "own") {
    // Kept connections go on.
    await until(
      "the new certificate is presented",
      async () => await askTrusting(after.ca, router.url) === 200,
    );
    const before = clients.map(({ answered }) => answered);
    await until("all go on", () => clients.every(({ answered }, i) => answered > before[i]! + 2));
    void router.gateway.shutdown();
  }
  await Promise.all(clients.map(({ done }) => done));
  assert.deepEqual(clients.flatMap(({ lost }) => lost), []);
});

Deno.test("a bad or half-written certificate pair is logged and changes nothing until it is complete", async () => {
  const [before, after] = [await createAuthority(), await createAuthority()];
  const certificate = await after.issue();
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: TLS,
    files: filesOf(await before.issue()),
  });
  const told = () => (router.log().match(/tls: the certificate can't be used/g) ?? []).length;
  for (
    const [name, text] of [
      // Only one of the two files is new: they don't match.
      ["cert.pem", certificate.cert],
      ["cert.pem", certificate.cert.slice(0, 200)],
      ["cert.pem", "no certificate"],
      ["cert.pem", ""],
      ["cert.pem", certificate.cert],
      ["key.pem", certificate.key.slice(0, 60)],
    ] as const
  ) {
    const before_ = told();
    await router.write(name, text);
    await until(`${name} is told`, () => told() > before_);
    assert.equal(await askTrusting(before.ca, router.url), 200);
  }
  await router.write("key.pem", certificate.key);
  await until(
    "the new certificate is presented",
    async () => await askTrusting(after.ca, router.url) === 200,
  );
  assert.doesNotMatch(router.log(), /BEGIN|PRIVATE/);
});

Deno.test("enabling or disabling TLS requires a restart, and the log says so", async () => {
  const authority = await createAuthority();
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: TLS,
    files: filesOf(await authority.issue()),
  });
  await router.write("servers.toml", configText({ server: server.url }));
  await until(
    "the problem is logged",
    () => router.log().includes("tls takes effect after a restart"),
  );
  assert.equal(await askTrusting(authority.ca, router.url), 200);
});

Deno.test("a port in use is detected with TLS, too", async () => {
  const authority = await createAuthority();
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: TLS,
    files: filesOf(await authority.issue()),
  });
  const checked = checkConfig(
    { servers: { servers: [{ url: server.url }] }, tls: { cert: "c", key: "k" } },
    () => undefined,
    (name) => Deno.readTextFileSync(`${router.folder}/${name === "c" ? "cert" : "key"}.pem`),
  );
  assert.ok(checked.ok);
  const { config } = checked;
  const { port } = router.gateway;
  assert.throws(
    () => startGateway({ hostname: "127.0.0.1", port, config }),
    Deno.errors.AddrInUse,
  );
});

Deno.test("a router with an invalid certificate reports it in one line and doesn't start", async () => {
  const authority = await createAuthority();
  const [{ cert }, { key }] = [await authority.issue(), await authority.issue()];
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(filesOf({ cert, key }))) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const path = `${folder}/servers.toml`;
    await Deno.writeTextFile(path, configText({ server: "http://127.0.0.1:9", tables: TLS }));
    const ended = await cli(["run", "--host", "127.0.0.1", "--port", "0", "--config", path]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /^[^\n]*tls: the certificate can't be used: [^\n]*\n$/);

    await Deno.writeTextFile(
      path,
      configText({
        server: "http://127.0.0.1:9",
        tables: `[tls]\ncert = "cert.pem"\nkey = """\n${key}"""`,
      }),
    );
    const inlined = await cli(["run", "--config", path]);
    assert.equal(inlined.code, 1);
    assert.match(inlined.stderr, /tls\.key: expected a file name; the value is not shown/);
    assert.doesNotMatch(inlined.stderr, /PRIVATE/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an https server is trusted only through its configured CA", async () => {
  const [own, other] = [await createAuthority(), await createAuthority()];
  await using server = startRecorder(undefined, await own.issue());
  await using known = await startGuarded({
    server: server.url,
    serverKeys: `ca = "ca.pem"`,
    files: { "ca.pem": own.ca },
  });
  assert.equal(await statusOf(known.ask()), 200);
  assert.equal(known.gateway.fleet.snapshot().servers[0]!.state, "healthy");
  assert.equal(server.seen.length, 1);
  const looks = server.looks.length;

  for (const options of [{}, { serverKeys: `ca = "ca.pem"`, files: { "ca.pem": other.ca } }]) {
    await using unknown = await startGuarded({ server: server.url, ...options });
    await until(
      "it is out",
      () => unknown.gateway.fleet.snapshot().servers[0]!.state === "unhealthy",
    );
    assert.equal(await statusOf(unknown.ask()), 503);
  }
  assert.equal(server.seen.length, 1);
  assert.ok(looks > 0);
});
