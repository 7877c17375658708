import assert from "node:assert/strict";
import { dirname } from "node:path";
import { loadConfig, type Loaded, parseConfig } from "../../../src/config/file/load.ts";
import { lines } from "../../support/config.ts";

async function withFile(
  text: string,
  use: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/servers.toml`;
    await Deno.writeTextFile(path, text);
    await use(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const GOOD = `
[servers]
servers = [{ url = "http://gpu-server-1:8081", max_concurrent_requests = 3 }]
`;

Deno.test("a file written for the original Python router works unchanged", () => {
  const checked = parseConfig(
    `
# A fleet as the original's operators describe it.
[servers]
servers = [
    { url = "http://10.0.0.11:9001", max_concurrent_requests = 12 },
    { url = "http://10.0.0.12:9001/v1", max_concurrent_requests = 6 },
]

[config]
# 请求与重试
request_timeout = 45
max_retries = 2
failure_threshold = 4
auto_recovery_threshold = 90
config_reload_interval = 20
health_check_interval = 15
health_check_timeout = 3
enable_active_health_check = false
health_check_max_response_time = 7.5
health_check_min_success_rate = 0.9
health_check_window_size = 8
health_check_consecutive_failures = 5
`,
    () => undefined,
  );
  assert.ok(checked.ok);
  assert.deepEqual(checked.warnings, []);
  assert.deepEqual(
    checked.config.servers.map(({ url, capacity }) => [url, capacity]),
    [["http://10.0.0.11:9001", 12], ["http://10.0.0.12:9001", 6]],
  );
  assert.deepEqual(checked.config.settings, {
    policy: "least_work",
    metricsIntervalMs: 500,
    healthCheckIntervalMs: 15_000,
    healthCheckTimeoutMs: 3_000,
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 45_000,
    chunkTimeoutMs: 45_000,
    stallTimeoutMs: 30_000,
    maxRetries: 2,
    continueStreams: true,
    maxContinuations: 2,
    maxInFlight: 10_000,
    maxBodyBytes: 64 * 1024 * 1024,
    bodyBufferBytes: 512 * 1024 * 1024,
    clientTimeoutMs: 60_000,
    trustedProxies: [],
    sessionHeader: "x-session-id",
    debugHeaders: false,
    extraPaths: [],
    drainTimeoutMs: 120_000,
    drainDelayMs: 0,
    configReloadIntervalMs: 20_000,
    failureThreshold: 4,
    autoRecoveryMs: 90_000,
    activeHealthCheck: false,
    healthCheckMaxResponseMs: 7_500,
    healthCheckMinSuccessRate: 0.9,
    healthCheckWindowSize: 8,
    healthCheckConsecutiveFailures: 5,
  });
});

for (
  const [what, text, line] of [
    ["a missing value", `[servers]\nservers = [\n  { url = }\n]`, 3],
    ["a duplicate key", `[config]\nmax_retries = 1\nmax_retries = 2\n`, 3],
    ["an unterminated list", `\n\n[servers]\nservers = [`, 4],
    ["an unterminated string", `[servers]\nservers = [{ url = "http:`, 2],
    ["a file that is not TOML", `{"servers": []}`, 1],
  ] as const
) {
  Deno.test(`${what} is one problem that gives line ${line}`, () => {
    const checked = parseConfig(text, () => undefined);
    assert.ok(!checked.ok);
    assert.equal(checked.problems.length, 1);
    assert.match(
      checked.problems[0]?.where ?? "",
      new RegExp(`^line ${line}, column \\d+$`),
    );
    assert.match(checked.problems[0]?.what ?? "", /^not valid TOML: [^\n]+$/);
  });
}

Deno.test("loading a file returns its text, so that changes can be detected", () =>
  withFile(GOOD, async (path) => {
    const { text, checked } = await loadConfig(path);
    assert.equal(text, GOOD);
    assert.ok(checked.ok);
    assert.equal(checked.config.servers[0]?.url, "http://gpu-server-1:8081");
  }));

Deno.test("a file with a byte order mark and CRLF line endings loads", () =>
  withFile(`\uFEFF${GOOD.replaceAll("\n", "\r\n")}`, async (path) => {
    assert.ok((await loadConfig(path)).checked.ok);
  }));

Deno.test("${NAME} is read from the environment", () =>
  withFile(
    `[servers]\nservers = [{ url = "http://gpu", api_key = "\${TEST_GPU_KEY}" }]`,
    async (path) => {
      const unset = (await loadConfig(path)).checked;
      assert.ok(!unset.ok);
      assert.match(lines(unset.problems), /"TEST_GPU_KEY" is not set/);

      Deno.env.set("TEST_GPU_KEY", "secret");
      try {
        const { checked } = await loadConfig(path);
        assert.equal(checked.ok && checked.config.servers[0]?.apiKey, "secret");
      } finally {
        Deno.env.delete("TEST_GPU_KEY");
      }
    },
  ));

for (const key of ["${}", "${A=B}"]) {
  Deno.test(`${key}, an invalid variable name, is a problem at its key`, () =>
    withFile(
      `[servers]\nservers = [{ url = "http://gpu", api_key = "${key}" }]`,
      async (path) => {
        const { checked } = await loadConfig(path);
        assert.ok(!checked.ok);
        assert.deepEqual(checked.problems.map(({ where }) => where), [
          `${path}: servers.servers[0].api_key`,
        ], lines(checked.problems));
      },
    ));
}

Deno.test("an unreadable path is one problem that names the path", () =>
  withFile(GOOD, async (path) => {
    const folder = path.slice(0, path.lastIndexOf("/"));
    await Deno.symlink("loop.toml", `${folder}/loop.toml`);
    for (
      const unreadable of [
        `${folder}/missing.toml`,
        folder,
        `${path}/below-a-file.toml`,
        `${folder}/loop.toml`,
      ]
    ) {
      const { checked } = await loadConfig(unreadable);
      assert.ok(!checked.ok);
      assert.deepEqual(checked.problems.map(({ where }) => where), [
        unreadable,
      ]);
    }
  }));

/** Writes files, given as name and content, to a new folder, and loads its `servers.toml`. */
async function loading(
  files: Record<string, string>,
  use: (loaded: Loaded, folder: string) => void,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(dirname(`${folder}/${name}`), { recursive: true });
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    use(await loadConfig(`${folder}/servers.toml`), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const NAMING = `${GOOD}
[auth]
api_keys_file = "secrets/keys.toml"
[tls]
cert = "tls/cert.pem"
key = "tls/key.pem"
`;
const NAMED = {
  "secrets/keys.toml": `api_keys = [{ name = "lab", key = "key-of-lab" }]`,
  "tls/cert.pem": "the certificate",
  "tls/key.pem": "its key",
};

Deno.test("referenced files are resolved relative to the file's folder, and count for change detection", async () => {
  let before = "";
  await loading({ "servers.toml": NAMING, ...NAMED }, ({ checked, files, text }, folder) => {
    assert.ok(checked.ok, JSON.stringify(checked));
    assert.deepEqual(checked.config.access.keys.map(({ name }) => name), ["lab"]);
    assert.deepEqual(checked.config.access.tls, { cert: "the certificate", key: "its key" });
    const named = Object.keys(NAMED).map((name) => `${folder}/${name}`);
    assert.deepEqual([...files].sort(), named.sort());
    before = text;
  });
  const changed = { "servers.toml": NAMING, ...NAMED, "tls/cert.pem": "another" };
  await loading(changed, ({ text }) => assert.notEqual(text, before));
});

Deno.test("a missing referenced file is one problem at its key, and is still watched for", () => {
  const { "secrets/keys.toml": _, ...others } = NAMED;
  return loading({ "servers.toml": NAMING, ...others }, ({ checked, files }, folder) => {
    assert.ok(!checked.ok);
    assert.match(
      lines(checked.problems),
      /^\S+servers\.toml: auth\.api_keys_file: "secrets\/keys\.toml" no such file$/,
    );
    assert.ok(files.includes(`${folder}/secrets/keys.toml`));
  });
});

Deno.test("the problem of a missing file suggests a remedy", async () => {
  const { checked } = await loadConfig("/nowhere/servers.toml");
  assert.ok(!checked.ok);
  assert.match(lines(checked.problems), /servers\.example\.toml.*--server/);
});

Deno.test("a relative state file is in the configuration's folder, an absolute one where it says", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (
      const [written, path] of [
        ["state/router.json", `${folder}/state/router.json`],
        ["/var/lib/vllm-router/state.json", "/var/lib/vllm-router/state.json"],
      ]
    ) {
      await Deno.writeTextFile(
        `${folder}/servers.toml`,
        `[servers]\nservers = [{ url = "http://gpu-1" }]\n[config]\nstate_file = "${written}"\n`,
      );
      const { checked } = await loadConfig(`${folder}/servers.toml`);
      assert.ok(checked.ok);
      assert.equal(checked.config.settings.stateFile, path);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
