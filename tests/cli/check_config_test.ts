import assert from "node:assert/strict";
import { cli } from "../support/cli.ts";
import { startDnsServer } from "../support/dns_server.ts";
import { startOtlpReceiver } from "../support/otlp_receiver.ts";
import { freePort, PEER_KEY, startPeered } from "../support/peered.ts";
import { deadUrl, metricsPage, modelsPage, startUpstream } from "../support/upstream.ts";

/** The default name of a server. */
const hostOf = (url: string) => new URL(url).host;

async function checkConfig(text: string) {
  const path = await Deno.makeTempFile({ suffix: ".toml" });
  try {
    await Deno.writeTextFile(path, text);
    return { path, ...await cli(["check-config", "--config", path]) };
  } finally {
    await Deno.remove(path);
  }
}

function startVllm(models: () => Response = () => modelsPage("llama", "qwen"), awake = true) {
  return startUpstream((request) => {
    if (request.url.endsWith("/v1/models")) return models();
    return request.url.endsWith("/metrics")
      ? metricsPage({ running: 2, waiting: 7, awake })
      : new Response("");
  });
}

/** Returns the cells of the table row for the server at `url`. */
function row(stdout: string, url: string): string[] {
  const line = stdout.split("\n").find((line) => line.startsWith(`│ ${hostOf(url)} `));
  return line?.split("│").map((cell) => cell.trim()).slice(1, -1) ?? [];
}

Deno.test("if all servers are healthy, check-config prints a table and exits with 0", async () => {
  await using vllm = startVllm();
  const { code, stdout, stderr, path } = await checkConfig(
    `[servers]
servers = [{ url = "${vllm.url}/v1", max_concurrent_requests = 9 }]
`,
  );
  assert.equal(stderr, "");
  assert.equal(code, 0);
  const [name, state, answer, running, waiting, models] = row(stdout, vllm.url);
  assert.deepEqual(
    [name, state, running, waiting, models],
    [hostOf(vllm.url), "healthy", "2 of 9", "7", "llama"],
  );
  assert.match(answer ?? "", /^\d+ ms$/);
  assert.match(stdout, /│ +qwen +│/);
  assert.ok(stdout.endsWith(`\n${path}: the server is healthy\n`), stdout);
});

Deno.test("a dead server next to a healthy one is in the table, and the exit code is 1", async () => {
  await using vllm = startVllm();
  const dead = deadUrl();
  const { code, stdout, path } = await checkConfig(
    `[servers]
servers = [{ url = "${vllm.url}" }, { url = "${dead}" }]
`,
  );
  assert.equal(code, 1);
  assert.equal(row(stdout, vllm.url)[1], "healthy");
  assert.deepEqual(row(stdout, dead).slice(1), [
    "unhealthy",
    "–",
    "unknown",
    "unknown",
    "unknown",
  ]);
  const [problem, summary, ...rest] = stdout.split("┘\n")[1]!.trimEnd().split("\n");
  assert.match(problem!, RegExp(`^${hostOf(dead)}: check failed: .`));
  assert.equal(summary, `${path}: 1 of 2 servers has a problem`);
  assert.deepEqual(rest, []);
});

Deno.test("a healthy server that doesn't list its models is an error, unless they are fixed", async () => {
  await using vllm = startVllm(() => new Response("", { status: 401 }));
  const discovered = await checkConfig(
    `[servers]\nservers = [{ url = "${vllm.url}" }]\n`,
  );
  assert.equal(discovered.code, 1);
  assert.equal(row(discovered.stdout, vllm.url)[1], "unauthorized");
  assert.equal(row(discovered.stdout, vllm.url)[5], "unknown");
  const host = hostOf(vllm.url);
  assert.match(
    discovered.stdout,
    RegExp(`\n${host}: /v1/models answered 401; it needs an api_key\n`),
  );
  assert.match(discovered.stdout, /: 1 of 1 server has a problem\n$/);
  const fixed = await checkConfig(
    `[servers]\nservers = [{ url = "${vllm.url}", models = ["mine"] }]\n`,
  );
  assert.equal(fixed.code, 0);
  assert.equal(row(fixed.stdout, vllm.url)[5], "mine");
});

Deno.test("a healthy server with an empty list of models is an error", async () => {
  await using vllm = startVllm(() => modelsPage());
  const { code, stdout } = await checkConfig(`[servers]\nservers = [{ url = "${vllm.url}" }]\n`);
  assert.equal(code, 1);
  assert.equal(row(stdout, vllm.url)[1], "no_models");
  assert.match(stdout, RegExp(`\n${hostOf(vllm.url)}: /v1/models lists none\n`));
});

Deno.test("a server whose engine sleeps is reported as a problem", async () => {
  await using vllm = startVllm(undefined, false);
  const { code, stdout } = await checkConfig(
    `[servers]\nservers = [{ url = "${vllm.url}", name = "gpu-1" }]\n`,
  );
  assert.match(stdout, /│ gpu-1 +│ sleeping +│/);
  assert.match(stdout, /\ngpu-1: its engine sleeps\n/);
  assert.equal(code, 1);
});

Deno.test("with short server names, every problem fits 80 columns", async () => {
  await using vllm = startVllm(() => modelsPage("simulated-model"));
  await using sleeping = startVllm(() => modelsPage("llama3.1:8b"), false);
  const urls = [vllm.url, sleeping.url, deadUrl()];
  const servers = urls.map((url) => `{ url = "${url}", max_concurrent_requests = 16 }`).join(", ");
  const { code, stdout, path } = await checkConfig(`[servers]\nservers = [${servers}]\n`);
  assert.equal(code, 1);
  const lines = stdout.replace(path, "servers.toml").trimEnd().split("\n");
  for (const line of lines) assert.ok(line.length <= 80, `${line.length}: ${line}`);
  assert.equal(lines.at(-1), "servers.toml: 2 of 3 servers have a problem");
});

Deno.test("an invalid file is reported with all its problems, and no server is contacted", async () => {
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
  assert.match(stderr, /^error: \S+\.toml: config\.max_retries: /m);
  assert.match(stderr, /^error: \S+\.toml: servers\.servers\[0\]\.url: /m);
});

Deno.test("an unknown key is a warning on stderr, not an error", async () => {
  await using vllm = startVllm();
  const { code, stderr } = await checkConfig(
    `[servers]
servers = [{ url = "${vllm.url}", max_concurent_requests = 3 }]
`,
  );
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^warning: \S+\.toml: servers\.servers\[0\]\.max_concurent_requests: [^\n]*max_concurrent_requests\?\n$/,
  );
});

Deno.test("a missing file is reported in one line, with exit code 1", async () => {
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

Deno.test("check-config names the state file, and what is wrong with it", async () => {
  await using vllm = startVllm();
  const folder = await Deno.makeTempDir();
  const check = (stateFile: string, permissions: readonly string[]) => {
    Deno.writeTextFileSync(
      `${folder}/servers.toml`,
      `[servers]\nservers = [{ url = "${vllm.url}" }]\n[config]\nstate_file = "${stateFile}"\n`,
    );
    return cli(["check-config", "--config", `${folder}/servers.toml`], { permissions });
  };
  try {
    const allowed = [`--allow-write=${folder}`];
    const none = await check("state.json", allowed);
    assert.equal(none.code, 0);
    assert.match(
      none.stdout,
      RegExp(`\nstate file ${folder}/state.json: none yet, can be written\n`),
    );
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["servers.toml"]);

    Deno.writeTextFileSync(`${folder}/state.json`, '{"version":1}');
    const there = await check("state.json", allowed);
    assert.equal(there.code, 0);
    assert.match(there.stdout, /state\.json: can be read and written\n/);

    Deno.writeTextFileSync(`${folder}/state.json`, "no JSON");
    const broken = await check("state.json", allowed);
    assert.equal(broken.code, 1);
    assert.match(broken.stdout, /state\.json: it isn't valid JSON; the router will overwrite it\n/);

    const nowhere = await check("a/state.json", allowed);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stdout, RegExp(`a/state.json: there is no folder ${folder}/a\n`));

    const outside = await check("state.json", ["--allow-write=logs"]);
    assert.equal(outside.code, 1);
    assert.match(
      outside.stdout,
      RegExp(`the router may not write in ${folder}, only in ./state and /var/lib/vllm-router\\n`),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("check-config reads every source once, and probes its servers", async () => {
  await using vllm = startVllm();
  await using dns = startDnsServer({ "A vllm.internal": ["127.0.0.1"] });
  const file = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(file, JSON.stringify([{ targets: [hostOf(vllm.url)] }]));
  const sources = `[[discovery]]
dns = { name = "vllm.internal", port = ${new URL(vllm.url).port}, resolver = "${dns.address}" }
defaults = { max_concurrent_requests = 9 }
[[discovery]]
files = ["${file}"]
`;
  const good = await checkConfig(sources);
  assert.equal(good.stdout.split("\n")[0], "dns vllm.internal: 1 server");
  assert.equal(row(good.stdout, vllm.url)[1], "healthy");
  assert.ok(good.stdout.includes(`${vllm.url}: is in dns vllm.internal and in files ${file}`));
  assert.equal(good.code, 0);

  dns.answers = "nxdomain";
  const unread = await checkConfig(sources);
  assert.equal(
    unread.stdout.split("\n")[0],
    "dns vllm.internal: 0 servers, can't be read: no A or AAAA records of vllm.internal, or an " +
      "error of the name server",
  );
  assert.equal(row(unread.stdout, vllm.url)[1], "healthy");
  assert.equal(unread.code, 1);
  await Deno.remove(file);
});

Deno.test("check-config probes the servers that the state file keeps, and tells whose each is", async () => {
  await using listed = startVllm();
  await using added = startVllm();
  const folder = await Deno.makeTempDir();
  const file = `${folder}/servers.toml`;
  const check = async (...servers: readonly unknown[]) => {
    Deno.writeTextFileSync(`${folder}/state.json`, JSON.stringify({ version: 1, servers }));
    const permissions = [`--allow-write=${folder}`];
    return await cli(["check-config", "--config", file], { permissions });
  };
  try {
    Deno.writeTextFileSync(
      file,
      `[servers]\nservers = [{ url = "${listed.url}" }]\n[config]\nstate_file = "state.json"\n`,
    );
    const both = await check({ url: added.url }, { url: listed.url });
    assert.equal(both.stdout.split("\n")[0], "api: 2 servers from the state file");
    assert.ok(both.stdout.includes(`${listed.url}: is in the file and in api; the former counts`));
    assert.deepEqual([listed, added].map(({ url }) => row(both.stdout, url)[1]), [
      "healthy",
      "healthy",
    ]);
    assert.deepEqual([listed, added].map(({ url }) => row(both.stdout, url).at(-1)), [
      "file",
      "api",
    ]);
    assert.match(both.stdout, /all 2 servers are healthy/);
    assert.equal(both.code, 0);

    const broken = await check({ url: added.url }, { url: "nonsense" });
    assert.match(
      broken.stdout,
      /^api: 1 server from the state file, can't be read: servers\.list\[1\]\.url: expected an/,
    );
    assert.equal(row(broken.stdout, added.url)[1], "healthy");
    assert.equal(broken.code, 1);

    const none = await check();
    assert.doesNotMatch(none.stdout, /api|source/);
    assert.equal(none.code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("check-config tries each peer, which changes nothing else", async () => {
  await using vllm = startVllm();
  const port = freePort();
  await using _ = await startPeered([vllm.url], port, [`http://127.0.0.1:${port}`]);
  const there = `http://127.0.0.1:${port}`;
  const away = deadUrl();
  const withKey = (key: string) =>
    checkConfig(`[servers]
servers = [{ url = "${vllm.url}" }]
[admin]
listen = "127.0.0.1:9090"
[peers]
routers = ["${there}", "${away}"]
key = "${key}"
`);
  const { stdout, code } = await withKey(PEER_KEY);
  assert.ok(stdout.includes(`peer ${there}: accepts this router\n`), stdout);
  assert.match(stdout, new RegExp(`peer ${away}: warning: `));
  assert.equal(code, 0);
  const wrong = await withKey("a-key-of-other-routers");
  assert.ok(wrong.stdout.includes(`peer ${there}: warning: it refuses the key\n`), wrong.stdout);
});

Deno.test("check-config reads the sources of peers, and tries each router that they name", async () => {
  await using vllm = startVllm();
  const port = freePort();
  await using dns = startDnsServer({
    "SRV _peers._tcp.test": [`${port} router.test`],
    "A router.test": ["127.0.0.1"],
  });
  const there = `http://127.0.0.1:${port}`;
  await using _ = await startPeered([vllm.url], port, [there]);
  const text = `[servers]
servers = [{ url = "${vllm.url}" }]
[admin]
listen = "127.0.0.1:9090"
[peers]
routers = ["${there}"]
dns = { name = "_peers._tcp.test", type = "SRV", resolver = "${dns.address}" }
key = "${PEER_KEY}"
`;
  const { stdout, code } = await checkConfig(text);
  assert.ok(stdout.includes("peers dns _peers._tcp.test: 1 router\n"), stdout);
  assert.equal(stdout.split(`peer ${there}: accepts this router\n`).length, 2, stdout);
  assert.equal(code, 0);
  dns.answers = "servfail";
  const unread = await checkConfig(text);
  assert.match(unread.stdout, /peers dns _peers\._tcp\.test: 0 routers, can't be read: no SRV/);
  assert.equal(unread.code, 1);
});

Deno.test("a server that its source drains is no problem", async () => {
  await using vllm = startVllm();
  const file = await Deno.makeTempFile({ suffix: ".json" });
  const group = { targets: [hostOf(vllm.url)], labels: { draining: "true" } };
  await Deno.writeTextFile(file, JSON.stringify([group]));
  const { stdout, code } = await checkConfig(`[[discovery]]\nfiles = ["${file}"]\n`);
  assert.equal(row(stdout, vllm.url)[1], "draining");
  assert.equal(code, 0);
  await Deno.writeTextFile(file, "[]");
  const empty = await checkConfig(`[[discovery]]\nfiles = ["${file}"]\n`);
  assert.ok(empty.stdout.endsWith(`${empty.path}: no servers\n`), empty.stdout);
  assert.equal(empty.code, 0);
  await Deno.remove(file);
});

Deno.test("the collector of traces is tried, and changes neither the exit code nor the rest", async () => {
  await using vllm = startVllm();
  await using collector = startOtlpReceiver();
  const text = (endpoint: string) =>
    `[servers]\nservers = [{ url = "${vllm.url}" }]\n` +
    `[tracing]\nendpoint = "${endpoint}"\nsample_ratio = 0.25\n`;
  const well = await checkConfig(text(collector.url));
  assert.equal(well.code, 0);
  const address = `${collector.url}/v1/traces`;
  const there = `\ntraces of 25% of requests go to ${address}; it takes spans\n`;
  assert.ok(well.stdout.includes(there), well.stdout);
  const dead = deadUrl();
  const away = await checkConfig(text(dead));
  assert.equal(away.code, 0);
  assert.match(away.stdout, /go to \S+; warning: it takes no spans: connection refused\n/i);
});
