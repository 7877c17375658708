import assert from "node:assert/strict";
import { startCli } from "../support/cli.ts";
import { startForwardProxy } from "../support/forward_proxy.ts";
import { until } from "../support/until.ts";
import { createAuthority } from "./certificates.ts";
import { CHAT, configText, startRecorder, statusOf } from "./guarded.ts";

/** Runs the router as a process with its own configuration and environment. */
async function withRouter(
  { config, files = {}, env }: {
    config: Parameters<typeof configText>[0];
    files?: Record<string, string>;
    env: Record<string, string>;
  },
  use: (url: string, output: () => string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries({ ...files, "servers.toml": configText(config) })) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await using router = await startCli(["--config", `${folder}/servers.toml`], { env });
    await use(router.url, router.output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const ask = (url: string) =>
  statusOf(fetch(`${url}/v1/chat/completions`, { method: "POST", body: CHAT }));

Deno.test("proxy variables in the environment are ignored, and the log says so", async () => {
  await using proxy = startForwardProxy();
  await using server = startRecorder();
  for (const name of ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]) {
    const before = server.seen.length;
    const env = { [name]: `http://${proxy.address}`, NO_PROXY: "" };
    await withRouter({ config: { server: server.url }, env }, async (url, output) => {
      assert.equal(await ask(url), 200);
      await until(
        "the log reports the ignored variable",
        () => output().includes(`${name} not used`),
      );
    });
    assert.equal(server.seen.length, before + 1);
    assert.deepEqual(proxy.heads, [], name);
  }
});

Deno.test("HTTPS_PROXY is ignored, also with a client certificate", async () => {
  await using proxy = startForwardProxy();
  const authority = await createAuthority();
  await using server = startRecorder(undefined, await authority.issue());
  const client = await authority.issue();
  const files = { "ca.pem": authority.ca, "cert.pem": client.cert, "key.pem": client.key };
  const serverKeys = `ca = "ca.pem", client_cert = "cert.pem", client_key = "key.pem"`;
  const env = { HTTPS_PROXY: `http://${proxy.address}` };
  await withRouter({ config: { server: server.url, serverKeys }, files, env }, async (url) => {
    assert.equal(await ask(url), 200);
  });
  assert.deepEqual(proxy.heads, []);
});

Deno.test("a configured proxy is used, whatever NO_PROXY says", async () => {
  await using proxy = startForwardProxy();
  await using server = startRecorder();
  const settings = `proxy = "\${MY_PROXY}"`;
  const env = { MY_PROXY: `http://user:hush%21@${proxy.address}`, NO_PROXY: "127.0.0.1" };
  await withRouter({ config: { server: server.url, settings }, env }, async (url, output) => {
    assert.equal(await ask(url), 200);
    assert.doesNotMatch(output(), /hush/);
  });
  assert.equal(server.seen.length, 1);
  const { host } = new URL(server.url);
  assert.ok(proxy.heads.length > 0);
  for (const head of proxy.heads) {
    assert.match(head, new RegExp(`^(GET|POST) http://${host}/`));
    assert.match(head, new RegExp(`^proxy-authorization: Basic ${btoa("user:hush!")}\r$`, "im"));
  }
});

Deno.test('a server\'s own proxy is asked to connect to it by TLS, and "none" is directly', async () => {
  await using proxy = startForwardProxy();
  const authority = await createAuthority();
  await using server = startRecorder(undefined, await authority.issue());
  const files = { "ca.pem": authority.ca };
  const serverKeys = (proxy: string) => `ca = "ca.pem", proxy = "${proxy}"`;
  const own = { server: server.url, serverKeys: serverKeys(`http://${proxy.address}`) };
  await withRouter({ config: own, files, env: {} }, async (url) => {
    assert.equal(await ask(url), 200);
  });
  const { host } = new URL(server.url);
  assert.ok(proxy.heads.length > 0);
  for (const head of proxy.heads) assert.match(head, new RegExp(`^CONNECT ${host} `));

  const before = proxy.heads.length;
  const settings = `proxy = "http://${proxy.address}"`;
  const none = { server: server.url, serverKeys: serverKeys("none"), settings };
  await withRouter({ config: none, files, env: {} }, async (url) => {
    assert.equal(await ask(url), 200);
  });
  assert.equal(proxy.heads.length, before);
});
