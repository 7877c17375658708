import assert from "node:assert/strict";
import { cli, startCli } from "../support/cli.ts";
import { deadUrl, modelsPage, startUpstream } from "../support/upstream.ts";
import { until } from "../support/until.ts";

async function withFolder(
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function fileOf(...urls: string[]): string {
  const servers = urls.map((url) => `{ url = "${url}" }`).join(", ");
  return `[servers]\nservers = [${servers}]\n`;
}

function startVllm(model = "m") {
  return startUpstream((request) =>
    request.url.endsWith("/v1/models") ? modelsPage(model) : new Response("")
  );
}

async function urlsOf(router: string): Promise<string[]> {
  const { servers } = await (await fetch(`${router}/health`)).json();
  return servers.map((server: { url: string }) => server.url);
}

Deno.test("a missing file is reported in one line, with exit code 1", () =>
  withFolder(async (folder) => {
    const { code, stdout, stderr } = await cli([], { cwd: folder });
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /^error: servers\.toml: no such file[^\n]*\n$/);
  }));

Deno.test("an invalid file is reported with all its problems, one per line, and the router doesn't start", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(
      `${folder}/servers.toml`,
      `[servers]
servers = [
  { url = "http://gpu-1", max_concurrent_requests = -1 },
  { url = "http://gpu-1/v1" },
  { url = "ftp://gpu-2" },
]
[config]
request_timeout = "long"
`,
    );
    const { code, stdout, stderr } = await cli(["--port", "0"], {
      cwd: folder,
    });
    assert.equal(code, 1);
    assert.equal(stdout, "");
    const told = stderr.trim().split("\n").map((line) =>
      /^error: \S+\.toml: ([^:]+): /.exec(line)?.[1]
    );
    assert.deepEqual(told.sort(), [
      "config.request_timeout",
      "servers.servers[0].max_concurrent_requests",
      "servers.servers[1].url",
      "servers.servers[2].url",
    ]);
  }));

Deno.test("a file that isn't valid TOML is reported in one line, with the line number", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/bad.toml`, `[servers]\nservers = [`);
    const { code, stderr } = await cli(["--config", `${folder}/bad.toml`]);
    assert.equal(code, 1);
    assert.match(stderr, /^error: \S+\/bad\.toml: line 2, column \d+: not valid TOML[^\n]*\n$/);
  }));

Deno.test("a port in use is reported in one line, with exit code 1", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { code, stdout, stderr } = await cli([
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
    "--server",
    deadUrl(),
  ]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    new RegExp(`^error: 127\\.0\\.0\\.1:${port} is already in use[^\n]*\n$`),
  );
});

Deno.test("an IPv6 address is in brackets wherever it is shown", async () => {
  await using router = await startCli(["--host", "::1", "--server", "http://[::1]:9"]);
  assert.match(router.output(), /Listening on http:\/\/\[::1\]:\d+,/);
  const view = await (await fetch(`${router.url}/dashboard/view`)).json();
  assert.match(view.address, /^http:\/\/\[::1\]:\d+$/);
  assert.deepEqual(view.servers.map(({ url }: { url: string }) => url), ["http://[::1]:9"]);
  const { port } = new URL(router.url);
  const { stderr } = await cli(["--host", "::1", "--port", port, "--server", deadUrl()]);
  assert.match(stderr, new RegExp(`^error: \\[::1\\]:${port} is already in use`));
});

Deno.test("an address of another machine is reported in one line, with exit code 1", async () => {
  const { code, stderr } = await cli([
    "--host",
    "192.0.2.1",
    "--port",
    "0",
    "--server",
    deadUrl(),
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: 192\.0\.2\.1 [^\n]*--host\n$/);
});

Deno.test("repeated --server flags replace the file, each with its own capacity", async () => {
  await using one = startVllm("one");
  await using two = startVllm("two");
  await using router = await startCli([
    "--server",
    `${one.url}/v1=7`,
    "--server",
    two.url,
  ]);
  assert.match(router.output(), /Listening on [^ ]+, 2 servers from the command line, /);
  const { servers } = await (await fetch(`${router.url}/load-stats`)).json();
  assert.deepEqual(
    servers.map((
      server: { url: string; max_capacity: number },
    ) => [server.url, server.max_capacity]),
    [[one.url, 7], [two.url, 3]],
  );
  const { data } = await (await fetch(`${router.url}/v1/models`)).json();
  assert.deepEqual(data.map(({ id }: { id: string }) => id), ["one", "two"]);
});

Deno.test("CONFIG_PATH names the file, and --config overrides it", () =>
  withFolder(async (folder) => {
    const [env, flag] = [deadUrl(), deadUrl()];
    await Deno.writeTextFile(`${folder}/env.toml`, fileOf(env));
    await Deno.writeTextFile(`${folder}/flag.toml`, fileOf(flag));
    const options = { env: { CONFIG_PATH: `${folder}/env.toml` } };
    await using byEnv = await startCli([], options);
    assert.deepEqual(await urlsOf(byEnv.url), [env]);
    await using byFlag = await startCli(
      ["--config", `${folder}/flag.toml`],
      options,
    );
    assert.deepEqual(await urlsOf(byFlag.url), [flag]);
  }));

Deno.test("a single server is counted in the singular", async () => {
  await using router = await startCli(["--server", deadUrl()]);
  assert.match(router.output(), /Listening on [^ ]+, 1 server from the command line, /);
});

Deno.test("--server overrides CONFIG_PATH and an existing servers.toml", () =>
  withFolder(async (folder) => {
    const [flag, file] = [deadUrl(), deadUrl()];
    await Deno.writeTextFile(`${folder}/servers.toml`, fileOf(file));
    const env = { CONFIG_PATH: `${folder}/servers.toml` };
    for (const options of [{ env }, { cwd: folder }]) {
      await using router = await startCli(["--server", flag], options);
      assert.deepEqual(await urlsOf(router.url), [flag]);
    }
  }));

Deno.test("LOG_LEVEL sets the level, in upper or lower case, and --log-level overrides it", async () => {
  await using vllm = startVllm();
  const server = ["--server", vllm.url];
  const line = `"message":"${new URL(vllm.url).host} at ${vllm.url} is healthy`;
  await using byDefault = await startCli(server);
  await until("logged", () => byDefault.output().includes(line));

  const options = { env: { LOG_LEVEL: "ERROR" } };
  await using byEnv = await startCli(server, options);
  await using byFlag = await startCli(
    [...server, "--log-level", "info"],
    options,
  );
  await until("logged", () => byFlag.output().includes(line));
  await (await fetch(`${byEnv.url}/livez`)).body?.cancel();
  assert.ok(!byEnv.output().includes(line));
});

Deno.test("an unknown key is a warning, and the router starts", () =>
  withFolder(async (folder) => {
    const path = `${folder}/servers.toml`;
    await Deno.writeTextFile(
      path,
      `${fileOf(deadUrl())}[config]\nmax_retires = 3\n`,
    );
    await using router = await startCli(["--config", path]);
    await until(
      "warned",
      () => /config\.max_retires.*max_retries/.test(router.output()),
    );
  }));

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} stops an idle router at once with exit code 0`, async () => {
    await using router = await startCli(["--server", deadUrl()]);
    await (await fetch(`${router.url}/livez`)).body?.cancel();
    const told = performance.now();
    router.kill(signal);
    assert.equal((await router.status).code, 0);
    assert.ok(performance.now() - told < 30_000);
  });
}

/** Starts a server that holds an inference request until `answer` resolves. */
function startHolding() {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  const server = startUpstream((request) => {
    if (request.url.endsWith("/v1/models")) return modelsPage("m");
    if (request.method === "GET") return new Response("");
    asked.resolve();
    return answer.promise;
  });
  return Object.assign(server, { asked, answer });
}

function complete(router: string): Promise<Response> {
  return fetch(`${router}/v1/completions`, { method: "POST", body: `{"model":"m"}` });
}

for (const [name, times] of [["SIGTERM", 1], ["SIGTERM delivered twice at once", 2]] as const) {
  Deno.test(`a ${name} drains requests in flight, and the log says so`, async () => {
    await using vllm = startHolding();
    const { asked, answer } = vllm;
    await using router = await startCli(["--server", vllm.url]);
    const response = complete(router.url);
    await asked.promise;
    for (let i = 0; i < times; i++) router.kill("SIGTERM");
    await until(
      "said",
      () => /Stopping: 1 in flight, up to 120 s to finish/.test(router.output()),
    );
    // The router stops listening within moments of the signal.
    await until("no longer ready, or no longer listening", async () => {
      const ready = await fetch(`${router.url}/readyz`).catch(() => undefined);
      await ready?.body?.cancel();
      return ready?.status !== 200;
    });
    answer.resolve(Response.json({ done: true }));
    assert.deepEqual(await (await response).json(), { done: true });
    assert.equal((await router.status).code, 0);
  });
}

Deno.test("a second SIGTERM ends at once, regardless of requests in flight", async () => {
  await using vllm = startHolding();
  const { asked, answer } = vllm;
  await using router = await startCli(["--server", vllm.url]);
  const response = complete(router.url);
  const cut = assert.rejects(response);
  await asked.promise;
  router.kill("SIGTERM");
  await until("it takes no more connections", () => {
    return fetch(`${router.url}/livez`).then(
      async ({ body }) => (await body?.cancel(), false),
      () => true,
    );
  });
  let ended = false;
  router.status.then(() => ended = true);
  // A second signal that follows at once counts as a copy of the first.
  await until("ended", () => {
    try {
      router.kill("SIGTERM");
    } catch {
      // It has exited, but its output hasn't been read yet.
    }
    return ended;
  });
  assert.equal((await router.status).code, 1);
  await cut;
  answer.resolve(new Response());
});

Deno.test("SIGHUP reloads at once, even an unchanged file, and reports an invalid one", () =>
  withFolder(async (folder) => {
    const path = `${folder}/servers.toml`;
    const url = deadUrl();
    await Deno.writeTextFile(path, fileOf(url));
    await using router = await startCli(["--config", path]);
    const reloads = () => router.output().split("Configuration reloaded").length - 1;
    assert.equal(reloads(), 0);
    router.kill("SIGHUP");
    await until("reloaded", () => reloads() === 1);

    await Deno.writeTextFile(path, "[servers]\nservers = []\n");
    router.kill("SIGHUP");
    await until(
      "told",
      () => router.output().includes("servers.servers: "),
    );
    assert.deepEqual(await urlsOf(router.url), [url]);
  }));

Deno.test("an edited file takes effect long before config_reload_interval", () =>
  withFolder(async (folder) => {
    const path = `${folder}/servers.toml`;
    const [before, after] = [deadUrl(), deadUrl()];
    await Deno.writeTextFile(path, fileOf(before));
    await using router = await startCli(["--config", path]);
    assert.deepEqual(await urlsOf(router.url), [before]);
    await Deno.writeTextFile(path, fileOf(after));
    await until(
      "taken",
      async () => (await urlsOf(router.url)).includes(after),
      10_000,
    );
  }));
