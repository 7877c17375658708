import assert from "node:assert/strict";
import { startRecorder } from "../security/guarded.ts";
import { cli } from "../support/cli.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";

const KEY = "key-of-an-operator";

/** Runs `servers` against a router's admin address. */
function commandsAt(port: number, env: Record<string, string> = { VLLM_ROUTER_ADMIN_KEY: KEY }) {
  return (command: string, ...args: string[]) =>
    cli(["servers", command, ...args, "--url", `http://127.0.0.1:${port}`], { env });
}

const said = (stdout: string) => ({ code: 0, stdout, stderr: "" });

Deno.test("servers adds, lists, drains and removes a server of a running router", async () => {
  await using server = startRecorder();
  await using router = await startRouter([], {}, {}, {
    admin: { listen: "127.0.0.1:0", api_keys: [KEY] },
  });
  const servers = commandsAt(router.admin!.port);
  assert.deepEqual(await servers("list"), said("no servers\n"));
  const added = await servers("add", server.url, "--name", "gpu 3", "--capacity", "64");
  assert.deepEqual(added, said("gpu 3 is added\n"));
  const state = () => router.fleet.snapshot().servers[0]?.state;
  await until("it is healthy", () => state() === "healthy");
  const { stdout } = await servers("list");
  for (const cell of ["gpu 3", server.url, "api", "healthy", "0/64"]) {
    assert.ok(stdout.includes(` ${cell} `), `${cell} in ${stdout}`);
  }
  assert.deepEqual(await servers("drain", "gpu 3"), said("gpu 3 gets no new requests\n"));
  assert.equal(state(), "draining");
  assert.deepEqual(
    await servers("drain", server.url, "--undo"),
    said(`${server.url} gets requests again\n`),
  );
  assert.equal(state(), "healthy");
  const written = `${server.url}/v1/`;
  assert.deepEqual(await servers("remove", written), said(`${written} is removed\n`));
  assert.deepEqual(await servers("list"), said("no servers\n"));
});

Deno.test("servers says in one line what is wrong, with exit code 1", async () => {
  await using server = startRecorder();
  await using router = await startRouter([{ url: server.url, name: "listed" }], {}, {}, {
    admin: { listen: "127.0.0.1:0", api_keys: [KEY] },
  });
  const { port } = router.admin!;
  const servers = commandsAt(port);
  for (
    const [args, problem] of [
      [["add", "gpu-3:8000"], /^error: server\.url: expected an address such as/],
      [["add", server.url], /^error: Worker already exists .* named by the configuration file/],
      [
        ["add", "http://gpu-3:1", "--name", "listed"],
        /^error: server\.name: expected a unique name/,
      ],
      [["remove", "listed"], /^error: http.* is named by the configuration file/],
      [["remove", "gpu-9"], /^error: no server is named gpu-9; `vllm-router servers list`/],
    ] as [[string, ...string[]], RegExp][]
  ) {
    const { code, stdout, stderr } = await servers(...args);
    assert.deepEqual([code, stdout], [1, ""], args.join(" "));
    assert.match(stderr, problem);
    assert.equal(stderr.trim().split("\n").length, 1);
  }
  const without = await commandsAt(port, {})("add", "http://gpu-3:1");
  assert.match(without.stderr, /requires one of admin\.api_keys; pass it with --api-key/);
  const wrong = await servers("add", "http://gpu-3:1", "--api-key", "wrong-key");
  assert.match(wrong.stderr, /rejected the key; expected one of admin\.api_keys/);
  assert.deepEqual([without.code, wrong.code], [1, 1]);
});

Deno.test("servers warns of a key that is not kept, and of an address where nothing answers", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const { code, stderr } = await commandsAt(port)("list");
  assert.equal(code, 1);
  assert.match(stderr, /^error: no router answers at http:\/\/127\.0\.0\.1:\d+: /);
  await using router = await startRouter([], {}, {}, { admin: { listen: "127.0.0.1:0" } });
  const added = await commandsAt(router.admin!.port)(
    "add",
    "http://127.0.0.1:1",
    "--server-key",
    "secret",
  );
  assert.equal(added.code, 0);
  assert.match(added.stderr, /^warning: server\.api_key: it is not kept over a restart/);
});

Deno.test("servers finds the admin address in the configuration file", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/servers.toml`;
  try {
    await using router = await startRouter([], {}, {}, { admin: { listen: "127.0.0.1:0" } });
    const listen = `[admin]\nlisten = "0.0.0.0:${router.admin!.port}"\n`;
    await Deno.writeTextFile(file, `servers.servers = []\n${listen}`);
    assert.deepEqual(await cli(["servers", "list", "--config", file]), said("no servers\n"));
    await Deno.writeTextFile(file, `[servers]\nservers = [{ url = "http://a:1" }]\n`);
    const { code, stderr } = await cli(["servers", "list", "--config", file]);
    assert.equal(code, 1);
    assert.match(stderr, /has no \[admin\] address, at which servers are changed/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
