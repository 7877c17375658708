import assert from "node:assert/strict";
import { freePort } from "../../bench/support/processes.ts";
import { startRecorder } from "../security/guarded.ts";
import { cli, startCli } from "../support/cli.ts";
import { until } from "../support/until.ts";

Deno.test("drain takes a server out and --undo takes it back, by its name, at the admin address", async () => {
  await using server = startRecorder();
  const folder = await Deno.makeTempDir();
  const admin = `127.0.0.1:${freePort()}`;
  const file = `${folder}/servers.toml`;
  const text = `[servers]\nservers = [{ url = "${server.url}", name = "gpu 1" }]\n`;
  try {
    await Deno.writeTextFile(file, `${text}[admin]\nlisten = "${admin}"\n`);
    await using router = await startCli(["--config", file]);
    const states = async () => {
      const page = await (await fetch(`http://${admin}/load-stats`)).json();
      return page.servers.map((server: { health_status: string }) => server.health_status);
    };
    await until("it is healthy", async () => (await states())[0] === "healthy");
    const drain = (...args: string[]) => cli(["drain", ...args, "--config", file]);
    assert.deepEqual(await drain("gpu 1"), {
      code: 0,
      stdout: "gpu 1 gets no new requests\n",
      stderr: "",
    });
    assert.deepEqual(await states(), ["draining"]);
    assert.deepEqual((await drain("gpu 1", "--undo")).stdout, "gpu 1 gets requests again\n");
    assert.deepEqual(await states(), ["healthy"]);
    const unknown = await drain("gpu 2");
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /No server is named `gpu 2`/);
    const path = "/servers/gpu%201/drain";
    const fromPage = await fetch(`http://${admin}${path}`, {
      method: "POST",
      headers: { origin: "https://example.com" },
    });
    assert.deepEqual([fromPage.status, await states()], [403, ["healthy"]]);
    await fromPage.body?.cancel();
    const onMain = await fetch(router.url + path, { method: "POST" });
    assert.equal(onMain.status, 404, "clients can't drain");
    await onMain.body?.cancel();
    await Deno.writeTextFile(`${folder}/other.toml`, text);
    const noAdmin = await cli(["drain", "gpu 1", "--config", `${folder}/other.toml`]);
    assert.equal(noAdmin.code, 1);
    assert.match(noAdmin.stderr, /has no \[admin\] address/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
