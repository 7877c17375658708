import assert from "node:assert/strict";
import { cli } from "../support/cli.ts";
import { deadUrl, metricsPage, modelsPage, startUpstream } from "../support/upstream.ts";

async function checkConfig(text: string) {
  const path = await Deno.makeTempFile({ suffix: ".toml" });
  try {
    await Deno.writeTextFile(path, text);
    return { path, ...await cli(["check-config", "--config", path]) };
  } finally {
    await Deno.remove(path);
  }
}

function startVllm(models: () => Response = () => modelsPage("llama", "qwen")) {
  return startUpstream((request) => {
    if (request.url.endsWith("/v1/models")) return models();
    return request.url.endsWith("/metrics")
      ? metricsPage({ running: 2, waiting: 7 })
      : new Response("");
  });
}

/** The cells of the table's row that begins with that address. */
function row(stdout: string, url: string): string[] {
  const line = stdout.split("\n").find((line) => line.includes(url));
  return line?.split("│").map((cell) => cell.trim()).slice(1, -1) ?? [];
}

Deno.test("a file whose servers are all well is a table and exit code 0", async () => {
  await using vllm = startVllm();
  const { code, stdout, stderr, path } = await checkConfig(
    `[servers]
servers = [{ url = "${vllm.url}/v1", max_concurrent_requests = 9 }]
`,
  );
  assert.equal(stderr, "");
  assert.equal(code, 0);
  const [url, capacity, health, answered, running, waiting, models] = row(
    stdout,
    vllm.url,
  );
  assert.deepEqual(
    [url, capacity, health, running, waiting, models],
    [vllm.url, "9", "healthy", "2", "7", "llama"],
  );
  assert.match(answered ?? "", /^\d+ ms$/);
  assert.match(stdout, /│ +qwen +│/);
  assert.match(stdout, new RegExp(`${path}: .*well`));
});

Deno.test("a dead server beside a good one is in the table, exit code 1", async () => {
  await using vllm = startVllm();
  const dead = deadUrl();
  const { code, stdout } = await checkConfig(
    `[servers]
servers = [{ url = "${vllm.url}" }, { url = "${dead}" }]
`,
  );
  assert.equal(code, 1);
  assert.equal(row(stdout, vllm.url)[2], "healthy");
  assert.deepEqual(row(stdout, dead).slice(2), [
    "unhealthy",
    "no answer",
    "unknown",
    "unknown",
    "not told",
  ]);
  assert.match(stdout, /1 of 2 servers/);
});

Deno.test("a server that is well but lists no models is an error, unless they are fixed", async () => {
  await using vllm = startVllm(() => new Response("", { status: 401 }));
  const discovered = await checkConfig(
    `[servers]\nservers = [{ url = "${vllm.url}" }]\n`,
  );
  assert.equal(discovered.code, 1);
  assert.equal(row(discovered.stdout, vllm.url)[6], "not told");
  const fixed = await checkConfig(
    `[servers]\nservers = [{ url = "${vllm.url}", models = ["mine"] }]\n`,
  );
  assert.equal(fixed.code, 0);
  assert.equal(row(fixed.stdout, vllm.url)[6], "mine");
});

Deno.test("a bad file is told with all its problems and asks no server", async () => {
  const { code, stdout, stderr } = await checkConfig(
    `[servers]
servers = [{ url = "nowhere" }]
[config]
max_retries = -1
`,
  );
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.equal(stderr.trim().split("\n").length, 2);
  assert.match(stderr, /^error: config\.max_retries: /m);
  assert.match(stderr, /^error: servers\.servers\[0\]\.url: /m);
});

Deno.test("an unknown key is a warning on stderr and no error", async () => {
  await using vllm = startVllm();
  const { code, stderr } = await checkConfig(
    `[servers]
servers = [{ url = "${vllm.url}", max_concurent_requests = 3 }]
`,
  );
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^warning: servers\.servers\[0\]\.max_concurent_requests: [^\n]*max_concurrent_requests\?\n$/,
  );
});

Deno.test("a missing file is one line and exit code 1", async () => {
  const { code, stderr } = await cli([
    "check-config",
    "--config",
    "/nowhere/servers.toml",
  ]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error: \/nowhere\/servers\.toml: no such file[^\n]*\n$/,
  );
});
