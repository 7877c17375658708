import assert from "node:assert/strict";
import { untilListening } from "../support/running.ts";
import { until } from "../support/until.ts";
import { deadUrl, modelsPage, startUpstream } from "../support/upstream.ts";

const ROOT = new URL("../../", import.meta.url);

/** A command as typed in a checkout, with the permissions of the task. */
function inCheckout(args: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "start", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function run(args: readonly string[]) {
  const { code, stdout, stderr } = await inCheckout(args).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

const portOf = (url: string) => new URL(url).port;

Deno.test("each command has its form in a checkout, and signals reach the router", async (t) => {
  const folder = await Deno.makeTempDir();
  const config = `${folder}/servers.toml`;
  await using server = startUpstream((request) =>
    request.url.endsWith("/v1/models") ? modelsPage("m") : new Response("")
  );
  const admin = portOf(deadUrl());
  const toml = `[servers]\nservers = [{ url = "${server.url}", name = "gpu-1" }]
[admin]\nlisten = "127.0.0.1:${admin}"\n`;
  await Deno.writeTextFile(config, toml);
  try {
    await using router = await untilListening(
      inCheckout(["--host", "127.0.0.1", "--port", "0", "--config", config]).spawn(),
    );
    const port = portOf(router.url);
    for (
      const [args, code, said] of [
        [["--version"], 0, /^vllm-router \d/],
        [["version"], 0, /^vllm-router \d/],
        [["help", "run"], 0, /^Usage: vllm-router run /],
        [["check-config", "--config", config], 0, /the server is healthy/],
        [["health", "--host", "127.0.0.1", "--port", port], 0, /is alive/],
        [["health", "--port", portOf(deadUrl())], 1, /^$/],
        [["drain", "gpu-1", "--config", config], 0, /^gpu-1 gets no new requests/],
        [["drain", "gpu-1", "--undo", "--config", config], 0, /^gpu-1 gets requests again/],
        [["key", "new"], 0, /^vr-/],
        [["simulate", "--help"], 0, /^Usage: vllm-router simulate /],
        [["top", "--help"], 0, /^Usage: vllm-router top /],
        [["nonsense"], 2, /^$/],
      ] as const
    ) {
      await t.step(args.join(" ").replace(folder, ""), async () => {
        const result = await run(args);
        assert.equal(result.code, code, result.stderr);
        assert.match(result.stdout, said);
        assert.doesNotMatch(result.stderr, /NotCapable|Requires .* access/);
      });
    }

    router.kill("SIGHUP");
    await until("it has reloaded", () => router.output().includes("Configuration reloaded"));
    router.kill("SIGTERM");
    assert.equal((await router.status).code, 0, router.output());
    assert.match(router.output(), /Stopping: 0 in flight/);
    await assert.rejects(fetch(`${router.url}/livez`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
