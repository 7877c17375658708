import assert from "node:assert/strict";
import { cli, type CliOptions, startCli } from "../support/cli.ts";
import { startRecorder } from "../security/guarded.ts";
import { deadUrl } from "../support/upstream.ts";
import { until } from "../support/until.ts";
import { createAuthority } from "../security/certificates.ts";

const health = (args: readonly string[], options?: CliOptions) => cli(["health", ...args], options);

async function withFiles(
  files: Record<string, string>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a live router is reported in one line with exit code 0, with or without a file, by flag or variable", async () => {
  await using server = startRecorder();
  await using router = await startCli(["--server", server.url]);
  await until("it is ready", async () => {
    const { status, body } = await fetch(`${router.url}/readyz`);
    await body?.cancel();
    return status === 200;
  });
  const { port } = new URL(router.url);
  const told = { code: 0, stdout: `the router at ${router.url} is alive and ready\n`, stderr: "" };
  assert.deepEqual(await health(["--port", port]), told);
  assert.deepEqual(await health([], { env: { VLLM_ROUTER_PORT: port } }), told);
  assert.deepEqual(await health(["--config", "/nowhere.toml", "--port", port]), told);
});

Deno.test("a router without a healthy server is reported as alive but not ready", async () => {
  await using router = await startCli(["--server", deadUrl()]);
  const { code, stdout } = await health(["--port", new URL(router.url).port]);
  assert.equal(code, 0);
  assert.equal(stdout, `the router at ${router.url} is alive but not ready\n`);
});

Deno.test("a router with TLS and keys is checked over TLS, without a key, whatever names its certificate has", async () => {
  const { cert, key } = await (await createAuthority()).issue();
  const text = `[servers]\nservers = [{ url = "${deadUrl()}" }]
[auth]\napi_keys = ["some-key-or-other"]\n[tls]\ncert = "cert.pem"\nkey = "key.pem"\n`;
  await withFiles({ "servers.toml": text, "cert.pem": cert, "key.pem": key }, async (folder) => {
    const config = ["--config", `${folder}/servers.toml`];
    await using router = await startCli(config);
    const { port } = new URL(router.url);
    const told = `the router at https://127.0.0.1:${port} is alive but not ready\n`;
    const args = [...config, "--port", port];
    assert.deepEqual(await health(args), { code: 0, stdout: told, stderr: "" });
    // The router keeps running with its previous configuration.
    await Deno.writeTextFile(`${folder}/servers.toml`, "[servers");
    assert.deepEqual(await health(args), { code: 0, stdout: told, stderr: "" });
  });
});

Deno.test("if no router responds, the reason is reported in one line, with exit code 1", async () => {
  const { port } = new URL(deadUrl());
  const { code, stdout, stderr } = await health(["--port", port]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    new RegExp(`^error: no router answers at http://127.0.0.1:${port}: .*refused.*\n$`, "i"),
  );

  await using other = startRecorder();
  const answered = await health(["--port", new URL(other.url).port]);
  assert.equal(answered.code, 1);
  assert.match(
    answered.stderr,
    /^error: no router answers at \S+: unexpected status 200; this is not a vllm-router\n$/,
  );

  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hung = await health(["--port", `${silent.addr.port}`]);
  assert.equal(hung.code, 1);
  assert.match(hung.stderr, /^error: no router answers at \S+: no response within 2 s\n$/);
});
