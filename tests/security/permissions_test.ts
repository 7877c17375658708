import assert from "node:assert/strict";
import { until } from "../support/until.ts";
import { createAuthority } from "./certificates.ts";
import { bearer, CHAT, configText, startRecorder, statusOf } from "./guarded.ts";
import { flagsOf, spawn, startProcess } from "./process.ts";

const { tasks, permissions: sets } = JSON.parse(
  Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)),
) as { tasks: Record<string, string>; permissions: unknown };

Deno.test("the router works fully with the permissions of `deno task start`", async () => {
  const folder = await Deno.makeTempDir();
  const [own, servers] = [await createAuthority(), await createAuthority()];
  await using server = startRecorder(undefined, await servers.issue());
  const { cert, key } = await own.issue();
  const files: Record<string, string> = {
    "servers.toml": configText({
      server: server.url,
      serverKeys: `ca = "ca.pem", api_key = "\${SERVER_KEY}"`,
      tables: `[auth]\napi_keys_file = "keys/keys.toml"\napi_keys = ["\${ROUTER_KEY}"]
[admin]\nlisten = "127.0.0.1:0"
[tls]\ncert = "cert.pem"\nkey = "key.pem"`,
    }),
    "keys/keys.toml": `api_keys = ["first-key"]`,
    "cert.pem": cert,
    "key.pem": key,
    "ca.pem": servers.ca,
  };
  await Deno.mkdir(`${folder}/keys`);
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  try {
    await using router = await startProcess({
      cwd: folder,
      args: ["--log-file", "logs/router.log", "--log-level", "debug"],
      env: { ROUTER_KEY: "by-environment", SERVER_KEY: "of-the-server" },
    });
    assert.match(router.url, /^https:/);
    using client = Deno.createHttpClient({ caCerts: [own.ca] });
    const ask = (key: string) =>
      statusOf(fetch(`${router.url}/v1/completions`, {
        method: "POST",
        headers: bearer(key),
        body: CHAT,
        client,
      }));
    assert.deepEqual([await ask("by-environment"), await ask("first-key")], [200, 200]);
    assert.equal(server.seen[0]!.headers.get("authorization"), "Bearer of-the-server");

    // Changes of a referenced file, of the file itself and of the certificate, and a signal.
    await Deno.writeTextFile(`${folder}/keys/keys.toml`, `api_keys = ["second-key"]`);
    await until("the keys are reloaded", async () => await ask("second-key") === 200);
    router.kill("SIGHUP");
    const reloads = () => (router.output().match(/Configuration reloaded/g) ?? []).length;
    await until("the configuration is reloaded", () => reloads() >= 2);
    const renewed = await (await createAuthority()).issue();
    await Deno.writeTextFile(`${folder}/cert.pem`, renewed.cert);
    await Deno.writeTextFile(`${folder}/key.pem`, renewed.key);
    await until("the new certificate is presented", async () => {
      using untrusting = Deno.createHttpClient({ caCerts: [own.ca], poolMaxIdlePerHost: 0 });
      const answer = fetch(`${router.url}/livez`, { client: untrusting });
      return await statusOf(answer).catch(() => 0) === 0;
    });

    router.kill("SIGTERM");
    assert.equal((await router.status).code, 0, router.output());
    assert.doesNotMatch(router.output(), /NotCapable|Requires .* access|Unexpected/);
    assert.match(
      await Deno.readTextFile(`${folder}/logs/router.log`),
      /"path":"\/v1\/completions"/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the same permissions allow nothing else to be written, run or loaded", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/kept`, "kept");
    const program = new URL("forbidden.ts", import.meta.url).pathname;
    const args = [`${folder}/elsewhere`, `${folder}/kept`];
    const { stdout, stderr } = await spawn({ cwd: folder, program, args }).output();
    const text = new TextDecoder().decode(stdout);
    assert.notEqual(text, "", new TextDecoder().decode(stderr));
    const { "write to the log folder": toLog, ...results } = JSON.parse(text);
    assert.equal(toLog, "done");
    for (const [what, result] of Object.entries(results)) {
      assert.equal(result, "not allowed", what);
    }
    assert.ok(Object.keys(results).length >= 11);
    const left = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.deepEqual(left, ["kept", "logs"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the tasks and executables have exactly these permissions", () => {
  assert.deepEqual(sets, {
    router: {
      net: true,
      read: true,
      env: true,
      sys: ["osRelease", "osUptime"],
      run: { deny: true },
      ffi: { deny: true },
    },
  });
  const permissions = (command: string) =>
    command.split(" ").filter((word) => /^(--(allow|deny|no|permission)-|-[A-Z])/.test(word));
  const expected = [
    "--permission-set=router",
    "--allow-write=logs,state,/var/log/vllm-router,/var/lib/vllm-router,/run/systemd/notify",
    "--no-prompt",
    "--no-remote",
  ];
  assert.deepEqual(flagsOf("start"), expected);
  for (const name of ["demo", "dev", "start", "executable"]) {
    assert.deepEqual(permissions(tasks[name]!), expected, name);
  }
  for (const name of ["compile", "compile:all"]) {
    for (const command of tasks[name]!.split(" && ")) {
      assert.match(command, /^DENO_NO_UPDATE_CHECK=1 deno task executable /, name);
      assert.deepEqual(permissions(command), [], name);
    }
  }
});
