import assert from "node:assert/strict";
import fc from "fast-check";
import type { Config } from "../../src/config/config.ts";
import { checkConfig, type Diagnostic } from "../../src/config/schema.ts";
import { baseAddress } from "../../src/config/servers.ts";
import { authShape, corsShape } from "../../src/config/access_schema.ts";
import { serverShape, settingsShape } from "../../src/config/file_schema.ts";
import { policyNames } from "../../src/routing/policies.ts";
import { lines } from "../support/config.ts";
import { numRuns } from "../support/property.ts";
import { createAuthority, createSelfSigned } from "../security/certificates.ts";

const URL_1 = "http://gpu-server-1:8081";
const URL_2 = "http://gpu-server-2:8088";

function check(raw: unknown, env: Record<string, string> = {}) {
  return checkConfig(raw, (name) => env[name]);
}

function checkServers(
  servers: readonly unknown[],
  env: Record<string, string> = {},
) {
  return check({ servers: { servers } }, env);
}

function checkSettings(config: unknown) {
  return check({ servers: { servers: [{ url: URL_1 }] }, config });
}

function configOf(checked: ReturnType<typeof check>): Config {
  if (!checked.ok) throw new Error(lines(checked.problems));
  return checked.config;
}

function problemsOf(checked: ReturnType<typeof check>): readonly Diagnostic[] {
  return checked.ok ? [] : checked.problems;
}

function warningsOf(checked: ReturnType<typeof check>): readonly Diagnostic[] {
  return checked.ok ? checked.warnings : [];
}

Deno.test("a file that only lists servers gets all defaults", () => {
  assert.deepEqual(configOf(checkServers([{ url: URL_1 }])), {
    servers: [{ url: URL_1, name: "gpu-server-1:8081", capacity: 3 }],
    settings: {
      policy: "least_work",
      metricsIntervalMs: 500,
      healthCheckIntervalMs: 10_000,
      healthCheckTimeoutMs: 5_000,
      connectTimeoutMs: 5_000,
      requestTimeoutMs: 120_000,
      chunkTimeoutMs: 120_000,
      stallTimeoutMs: 30_000,
      maxRetries: 3,
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
      configReloadIntervalMs: 30_000,
      failureThreshold: 2,
      autoRecoveryMs: 60_000,
      activeHealthCheck: true,
      healthCheckMaxResponseMs: 10_000,
      healthCheckMinSuccessRate: 0.8,
      healthCheckWindowSize: 10,
      healthCheckConsecutiveFailures: 3,
    },
    access: { keys: [], keysAreOn: false, adminHosts: [], corsOrigins: ["*"], http1: "own" },
    discovery: [],
    modelNames: { aliases: [] },
  });
});

Deno.test("every key of a server and of [config] is read", () => {
  const checked = check({
    servers: {
      servers: [{
        url: URL_1,
        max_concurrent_requests: 7,
        name: "big",
        api_key: "secret",
        engine: "sglang",
        health_path: "/ready?full=1",
        models: ["a", "org/b"],
      }],
    },
    config: {
      policy: "round_robin",
      metrics_interval: 1.5,
      health_check_interval: 11,
      health_check_timeout: 6,
      log_level: "debug",
      connect_timeout: 0.25,
      request_timeout: 121,
      chunk_timeout: 2.5,
      total_timeout: 600,
      stall_timeout: 45,
      max_retries: 0,
      continue_streams: false,
      max_continuations: 5,
      max_in_flight: 77,
      max_in_flight_per_client: 7,
      max_body_mib: 2,
      client_timeout: 12,
      trusted_proxies: ["10.0.0.0/8", "::1"],
      session_header: "X-Chat",
      debug_headers: true,
      extra_paths: ["/v1/custom", "GET /v1/custom"],
      sse_keepalive: 15,
      body_buffer_mib: 3,
      drain_timeout: 0,
      drain_delay: 15,
      config_reload_interval: 31,
      state_file: "state/router.json",
      failure_threshold: 4,
      auto_recovery_threshold: 61,
      enable_active_health_check: false,
      health_check_max_response_time: 12.5,
      health_check_min_success_rate: 0,
      health_check_window_size: 20,
      health_check_consecutive_failures: 5,
    },
  });
  assert.deepEqual(warningsOf(checked), []);
  assert.deepEqual(configOf(checked), {
    servers: [{
      url: URL_1,
      name: "big",
      capacity: 7,
      apiKey: "secret",
      engine: "sglang",
      healthPath: "/ready?full=1",
      models: ["a", "org/b"],
    }],
    settings: {
      policy: "round_robin",
      metricsIntervalMs: 1_500,
      healthCheckIntervalMs: 11_000,
      healthCheckTimeoutMs: 6_000,
      logLevel: "debug",
      connectTimeoutMs: 250,
      requestTimeoutMs: 121_000,
      chunkTimeoutMs: 2_500,
      totalTimeoutMs: 600_000,
      stallTimeoutMs: 45_000,
      maxRetries: 0,
      continueStreams: false,
      maxContinuations: 5,
      maxInFlight: 77,
      maxInFlightPerClient: 7,
      maxBodyBytes: 2 * 1024 * 1024,
      bodyBufferBytes: 3 * 1024 * 1024,
      clientTimeoutMs: 12_000,
      trustedProxies: ["10.0.0.0/8", "::1"],
      sessionHeader: "x-chat",
      debugHeaders: true,
      extraPaths: [{ method: "POST", path: "/v1/custom" }, { method: "GET", path: "/v1/custom" }],
      sseKeepAliveMs: 15_000,
      drainTimeoutMs: 0,
      drainDelayMs: 15_000,
      configReloadIntervalMs: 31_000,
      stateFile: "state/router.json",
      failureThreshold: 4,
      autoRecoveryMs: 61_000,
      activeHealthCheck: false,
      healthCheckMaxResponseMs: 12_500,
      healthCheckMinSuccessRate: 0,
      healthCheckWindowSize: 20,
      healthCheckConsecutiveFailures: 5,
    },
    access: { keys: [], keysAreOn: false, adminHosts: [], corsOrigins: ["*"], http1: "own" },
    discovery: [],
    modelNames: { aliases: [] },
  });
});

Deno.test("chunk_timeout defaults to request_timeout", () => {
  const limits = (config: Record<string, unknown>) => {
    const { requestTimeoutMs, chunkTimeoutMs } = configOf(checkSettings(config)).settings;
    return [requestTimeoutMs, chunkTimeoutMs];
  };
  assert.deepEqual(limits({ request_timeout: 7 }), [7_000, 7_000]);
  assert.deepEqual(limits({ request_timeout: 7, chunk_timeout: 9 }), [7_000, 9_000]);
  assert.deepEqual(limits({ chunk_timeout: 9 }), [120_000, 9_000]);
});

Deno.test("total_timeout defaults to no limit", () => {
  assert.ok(!("totalTimeoutMs" in configOf(checkSettings({})).settings));
});

for (
  const [written, base] of [
    ["http://gpu:8000", "http://gpu:8000"],
    ["http://gpu:8000/", "http://gpu:8000"],
    ["http://gpu:8000/v1", "http://gpu:8000"],
    ["http://gpu:8000/v1/", "http://gpu:8000"],
    ["https://gpu.example/team/v1", "https://gpu.example/team"],
    [" http://GPU:80 ", "http://gpu"],
    ["http://gpu/v12", "http://gpu/v12"],
  ] as const
) {
  Deno.test(`the address "${written}" is normalised to ${base}`, () => {
    assert.equal(baseAddress(written), base);
    assert.equal(
      configOf(checkServers([{ url: written }])).servers[0]?.url,
      base,
    );
  });
}

for (
  const written of [
    "gpu-server-1:8081",
    "gpu-server-1",
    "ftp://gpu:21",
    // The URL parser accepts these, but no connection can be made to them.
    "http://$H:8000",
    "http://{H}:8000",
    "http://gpu'1:8000",
    "file:///etc/passwd",
    "http://",
    "http://gpu:99999",
    "http://gpu?key=1",
    "http://gpu#here",
  ]
) {
  Deno.test(`the address "${written}" is a problem that quotes it`, () => {
    const problems = problemsOf(
      checkServers([{ url: URL_1 }, { url: written }]),
    );
    assert.equal(problems.length, 1, lines(problems));
    assert.equal(problems[0]?.where, "servers.servers[1].url");
    assert.ok(problems[0]?.what.includes(`"${written}"`), problems[0]?.what);
  });
}

Deno.test("an address with a user or password is a problem that doesn't show them", () => {
  const problems = problemsOf(checkServers([{ url: "http://user:password@gpu" }]));
  assert.equal(problems[0]?.where, "servers.servers[0].url");
  assert.match(problems[0]?.what ?? "", /user or password/);
  assert.ok(!problems[0]?.what.includes("user:password"));
});

for (const again of [URL_1, `${URL_1}/`, `${URL_1}/v1`, `${URL_1}/v1/`]) {
  Deno.test(`"${again}" is a duplicate of "${URL_1}"`, () => {
    const problems = problemsOf(
      checkServers([{ url: URL_1 }, { url: URL_2 }, { url: again }]),
    );
    assert.equal(problems.length, 1, lines(problems));
    assert.equal(problems[0]?.where, "servers.servers[2].url");
    assert.match(problems[0]?.what ?? "", /servers\.servers\[0\]/);
  });
}

for (
  const [what, raw, where] of [
    ["an empty file", {}, "servers"],
    ["[servers] that is a list", { servers: [] }, "servers"],
    ["[servers] without a list", { servers: {} }, "servers.servers"],
    [
      "an empty list of servers",
      { servers: { servers: [] } },
      "servers.servers",
    ],
    [
      "servers that are a string",
      { servers: { servers: URL_1 } },
      "servers.servers",
    ],
    [
      "a server that is a string",
      { servers: { servers: [URL_1] } },
      "servers.servers[0]",
    ],
    [
      "a server without an address",
      { servers: { servers: [{ max_concurrent_requests: 3 }] } },
      "servers.servers[0].url",
    ],
    [
      "[config] that is a list",
      { servers: { servers: [{ url: URL_1 }] }, config: [] },
      "config",
    ],
  ] as const
) {
  Deno.test(`${what} is one problem at ${where}`, () => {
    assert.deepEqual(problemsOf(check(raw)).map((problem) => problem.where), [
      where,
    ]);
  });
}

for (
  const [key, values] of Object.entries({
    url: ["", "  ", 3, null, ["http://a"]],
    max_concurrent_requests: [0, -1, 2.5, "3", true, Infinity, NaN],
    name: ["", 3],
    engine: ["", "SGLang", "llamacpp", 3, null],
    health_path: ["", "health", "http://a/health", "/a b", "/health#x", "/grün", 3, null],
    api_key: ["", 3, "ключ", "two words"],
    models: ["a", []],
  })
) {
  for (const value of values) {
    const shown = JSON.stringify(value) ?? String(value);
    Deno.test(`a server's ${key} = ${shown} is one problem at its key`, () => {
      const problems = problemsOf(
        checkServers([{ url: URL_1 }, { url: URL_2, [key]: value }]),
      );
      assert.deepEqual(
        problems.map(({ where }) => where),
        [`servers.servers[1].${key}`],
        lines(problems),
      );
      assert.match(problems[0]?.what ?? "", /^expected /);
    });
  }
}

Deno.test("a model name that is not a string is a problem at its index in the list", () => {
  const problems = problemsOf(
    checkServers([{ url: URL_1, models: ["a", 3, ""] }]),
  );
  assert.deepEqual(problems.map(({ where }) => where), [
    "servers.servers[0].models[1]",
    "servers.servers[0].models[2]",
  ]);
});

const SECONDS = [0, -1, "10", true, NaN, Infinity, 1e9];
const SECONDS_OR_NONE = [-1, "10", true, NaN, Infinity, 86_401];
const COUNT = [0, -1, 1.5, "3", true];

for (
  const [key, values] of Object.entries({
    policy: [3, "", "Least_Load", "fastest", ["least_load"], true],
    metrics_interval: SECONDS,
    health_check_interval: SECONDS,
    health_check_timeout: SECONDS,
    log_level: ["loud", 3, "", true],
    connect_timeout: SECONDS,
    request_timeout: SECONDS,
    chunk_timeout: SECONDS,
    total_timeout: SECONDS,
    stall_timeout: SECONDS,
    max_retries: [-1, 1.5, "3", true],
    continue_streams: ["yes", 1],
    max_continuations: [0, 1.5, "2"],
    max_in_flight: COUNT,
    max_in_flight_per_client: COUNT,
    max_body_mib: COUNT,
    body_buffer_mib: COUNT,
    client_timeout: SECONDS,
    trusted_proxies: ["10.0.0.0/8", 3, true],
    session_header: ["", "x session", "x:y", 3, true],
    debug_headers: [0, 1, "true"],
    extra_paths: ["/v1/custom", 3, true],
    sse_keepalive: SECONDS,
    drain_timeout: SECONDS_OR_NONE,
    drain_delay: SECONDS_OR_NONE,
    config_reload_interval: SECONDS,
    state_file: ["", "  ", 3, true, ["state.json"]],
    failure_threshold: COUNT,
    auto_recovery_threshold: SECONDS,
    enable_active_health_check: [0, 1, "true"],
    health_check_max_response_time: SECONDS,
    health_check_min_success_rate: [-0.1, 1.1, 80, "0.8", NaN],
    health_check_window_size: COUNT,
    health_check_consecutive_failures: COUNT,
  })
) {
  Deno.test(`each bad value of ${key} is one problem at config.${key}`, () => {
    for (const value of values) {
      const checked = checkSettings({ [key]: value });
      const problems = problemsOf(checked);
      assert.deepEqual(
        problems.map(({ where }) => where),
        [`config.${key}`],
        `${key} = ${JSON.stringify(value)}`,
      );
    }
  });
}

for (
  const [what, network] of [
    ["a host", "proxy.example"],
    ["nothing", ""],
    ["no address", "10.0.0"],
    ["too many bits for IPv4", "10.0.0.0/33"],
    ["too many bits for IPv6", "fd00::/129"],
    ["bits that are not an integer", "10.0.0.0/8.5"],
    ["no bits", "10.0.0.0/"],
    ["a port", "10.0.0.1:80"],
    ["a zone", "fe80::1%eth0"],
    ["a zone in a network", "fe80::%eth0/64"],
    ["a number", 10],
  ] as const
) {
  Deno.test(`${what} in trusted_proxies is a problem at its index in the list`, () => {
    const checked = checkSettings({ trusted_proxies: ["10.0.0.1", network] });
    assert.deepEqual(problemsOf(checked).map(({ where }) => where), ["config.trusted_proxies[1]"]);
  });
}

Deno.test("the problem of an unknown policy lists the known ones", () => {
  const [problem] = problemsOf(checkSettings({ policy: "fastest" }));
  for (const name of policyNames) {
    assert.ok(problem?.what.includes(name), problem?.what);
  }
  assert.match(problem?.what ?? "", /"fastest"/);
});

Deno.test("every known policy is accepted", () => {
  for (const policy of policyNames) {
    assert.equal(configOf(checkSettings({ policy })).settings.policy, policy);
  }
});

Deno.test("a policy that is a table is a problem, whatever its contents", () => {
  const policy = { toString: 1, valueOf: 1 };
  assert.deepEqual(
    problemsOf(checkSettings({ policy })).map(({ where }) => where),
    ["config.policy"],
  );
});

Deno.test("all problems are reported at once, each with its key path", () => {
  const problems = problemsOf(check({
    servers: {
      servers: [
        { url: URL_1, max_concurrent_requests: -3 },
        { url: `${URL_1}/v1` },
        { url: "gopher://old" },
        { name: "nameless" },
      ],
    },
    config: {
      request_timeout: "long",
      max_retries: -1,
      health_check_min_success_rate: 2,
    },
  }));
  assert.deepEqual(problems.map(({ where }) => where).sort(), [
    "config.health_check_min_success_rate",
    "config.max_retries",
    "config.request_timeout",
    "servers.servers[0].max_concurrent_requests",
    "servers.servers[1].url",
    "servers.servers[2].url",
    "servers.servers[3].url",
  ]);
});

Deno.test("unset variables of several servers are all reported, together with a bad address", () => {
  const problems = problemsOf(checkServers([
    { url: URL_1, api_key: "${KEY_1}" },
    { url: URL_2, api_key: "${KEY_2}" },
    { url: "nowhere" },
  ]));
  assert.deepEqual(problems.map(({ where }) => where).sort(), [
    "servers.servers[0].api_key",
    "servers.servers[1].api_key",
    "servers.servers[2].url",
  ]);
});

Deno.test("an unset variable is reported together with a problem in [config]", () => {
  const problems = problemsOf(check({
    servers: { servers: [{ url: URL_1, api_key: "${KEY_1}" }] },
    config: { max_retries: -1 },
  }));
  assert.deepEqual(problems.map(({ where }) => where).sort(), [
    "config.max_retries",
    "servers.servers[0].api_key",
  ]);
});

for (
  const [where, nearest, raw] of [
    [
      "config.max_retires",
      "max_retries",
      { servers: { servers: [{ url: URL_1 }] }, config: { max_retires: 3 } },
    ],
    [
      "config.health_check_intervall",
      "health_check_interval",
      {
        servers: { servers: [{ url: URL_1 }] },
        config: { health_check_intervall: 3 },
      },
    ],
    [
      "servers.servers[1].max_concurrent_request",
      "max_concurrent_requests",
      {
        servers: {
          servers: [{ url: URL_1 }, { url: URL_2, max_concurrent_request: 3 }],
        },
      },
    ],
    [
      "servers.server",
      "servers",
      { servers: { servers: [{ url: URL_1 }], server: [] } },
    ],
    [
      "configs",
      "config",
      { servers: { servers: [{ url: URL_1 }] }, configs: {} },
    ],
  ] as const
) {
  Deno.test(`the unknown key ${where} is a warning that names ${nearest}`, () => {
    const checked = check(raw);
    assert.ok(checked.ok);
    assert.deepEqual(warningsOf(checked).map((warning) => warning.where), [
      where,
    ]);
    assert.match(
      warningsOf(checked)[0]?.what ?? "",
      new RegExp(`\\b${nearest}\\?`),
    );
  });
}

for (
  const [where, told, raw] of [
    [
      "servers.servers[0].port",
      "; expected one of url, name, max_concurrent_requests, api_key, ca, tls_skip_verify, engine, health_path, client_cert, client_key, proxy, models, priority_scheduling",
      { servers: { servers: [{ url: URL_1, port: 8000 }] } },
    ],
    [
      "logging",
      "; expected one of servers, discovery, config, auth, admin, tls, cors, models, server, tracing, peers",
      { servers: { servers: [{ url: URL_1 }] }, logging: {} },
    ],
    ["config.port", "", { servers: { servers: [{ url: URL_1 }] }, config: { port: 8888 } }],
    ["config.workers", "", { servers: { servers: [{ url: URL_1 }] }, config: { workers: 4 } }],
    // An edit distance of four is more than a typo, however long the name.
    [
      "config.helthcheckintervall",
      "",
      { servers: { servers: [{ url: URL_1 }] }, config: { helthcheckintervall: 3 } },
    ],
  ] as const
) {
  Deno.test(`the unknown key ${where} resembles none: the warning lists the known keys, if few`, () => {
    assert.deepEqual(warningsOf(check(raw)), [{ where, what: `unknown key, ignored${told}` }]);
  });
}

for (
  const [where, told, tables] of [
    ["auth.api_key", "did you mean api_keys?", { auth: { api_key: "k" } }],
    ["auth.api_keys[1].model", "did you mean models?", {
      auth: { api_keys: ["k", { name: "a", key: "l", model: "m" }] },
    }],
    ["admin.listn", "did you mean listen?", { admin: { listn: "" } }],
    ["cors.origins", "expected one of allow_origins", { cors: { origins: [] } }],
    ["tls.certificate", "expected one of cert, key", { tls: { certificate: "" } }],
    ["Auth", "did you mean [auth]?", { Auth: {} }],
    ["auths", "did you mean [auth]?", { auths: {} }],
    ["authentication", "did you mean [auth]?", { authentication: {} }],
    ["TLS", "did you mean [tls]?", { TLS: {} }],
    ["tsl", "did you mean [tls]?", { tsl: {} }],
    ["ssl", "did you mean [tls]?", { ssl: {} }],
    ["Cors", "did you mean [cors]?", { Cors: {} }],
    ["admins", "did you mean [admin]?", { admins: {} }],
    ["api_keys", "did you mean auth.api_keys?", { api_keys: [] }],
    ["servers.auth", "did you mean [auth]?", { servers: { auth: {} } }],
    ["config.auth", "did you mean [auth]?", { config: { auth: {} } }],
    ["config.api_keys", "did you mean auth.api_keys?", { config: { api_keys: ["k"] } }],
    ["config.api-key", "did you mean auth.api_keys?", { config: { "api-key": "k" } }],
    ["config.tls_cert", "did you mean tls.cert?", { config: { tls_cert: "c" } }],
    ["config.allow_origin", "did you mean cors.allow_origins?", { config: { allow_origin: [] } }],
  ] as [string, string, Record<string, Record<string, unknown>>][]
) {
  Deno.test(`the unknown key ${where} is an error: ignoring it would grant unintended access`, () => {
    const checked = check({
      ...tables,
      servers: { servers: [{ url: URL_1 }], ...tables["servers"] },
    });
    assert.ok(!checked.ok);
    assert.deepEqual(checked.problems.filter((problem) => problem.where === where), [
      { where, what: `unknown key; ${told}` },
    ]);
    assert.deepEqual(checked.warnings, []);
  });
}

Deno.test("${NAME} in a url is replaced by the environment variable before servers are compared", () => {
  const env = { H: "gpu-7", WHERE: "http://gpu-8:81/v1/", BAD: "gpu 9", SECRET: "u:sk-secret@gpu" };
  const { servers } = configOf(
    checkServers([{ url: "http://${H}:8000" }, { url: "${WHERE}" }], env),
  );
  assert.deepEqual(servers.map(({ url, name }) => [url, name]), [
    ["http://gpu-7:8000", "gpu-7:8000"],
    ["http://gpu-8:81", "gpu-8:81"],
  ]);
  const told = (url: string) =>
    lines(problemsOf(checkServers([{ url }, { url: "http://gpu-7:8000" }], env)));
  const at = "servers.servers[0].url: ";
  assert.equal(told("http://${MISSING}"), `${at}the environment variable "MISSING" is not set`);
  assert.match(
    told("http://${BAD}:8000"),
    /^servers.servers\[0\].url: expected an address such as .* "http:\/\/gpu 9:8000"$/,
  );
  assert.match(told("http://${SECRET}"), /got one with a user or password$/);
  assert.match(told("http://${H}:8000/"), /^servers.servers\[1\].url: .* is the same server as /);
});

Deno.test("server names are unique, and a duplicate configured name is a problem", () => {
  const [url, other] = ["http://gpu-1:8000", "http://gpu-2:8000"];
  const namesOf = (...servers: Record<string, unknown>[]) =>
    configOf(checkServers(servers)).servers.map(({ name }) => name);
  assert.deepEqual(namesOf({ url }, { url: other, name: "b" }), ["gpu-1:8000", "b"]);
  const tls = "https://gpu-1:8000";
  assert.deepEqual(namesOf({ url }, { url: tls }), [url, tls], "the full address");
  assert.deepEqual(namesOf({ url }, { url: other, name: "gpu-1:8000" }), [url, "gpu-1:8000"]);

  const told = (...servers: Record<string, unknown>[]) => lines(problemsOf(checkServers(servers)));
  assert.equal(
    told({ url, name: "gpu" }, { url: other, name: "gpu" }),
    'servers.servers[1].name: expected a unique name, got "gpu", the name of servers.servers[0]',
  );
  // A duplicate server is a problem of its address only.
  assert.match(told({ url }, { url }), /^[^\n]* is the same server as servers.servers\[0\]$/);
  assert.match(told({ url: "no", name: "gpu" }, { url, name: "gpu" }), /\.url: [^]*\.name: /);
});

Deno.test("a server uses the global proxy, its own or none, with variables expanded", () => {
  const env = { P: "http://user:sk-secret@proxy:3128" };
  const servers = [{ url: URL_1 }, { url: URL_2, proxy: "none" }, {
    url: "http://c",
    proxy: "socks5://127.0.0.1:1080",
  }];
  const checked = check({ servers: { servers }, config: { proxy: "${P}" } }, env);
  assert.deepEqual(configOf(checked).servers.map(({ proxy }) => proxy), [
    "http://user:sk-secret@proxy:3128/",
    undefined,
    "socks5://127.0.0.1:1080",
  ]);
  for (const proxy of ["proxy:3128", "ftp://sk-secret", "http://", "http://$H:1", "", 3]) {
    const problems = problemsOf(
      check({ servers: { servers: [{ url: URL_1 }] }, config: { proxy } }),
    );
    assert.match(lines(problems), /^config\.proxy: expected a proxy address/);
    assert.doesNotMatch(lines(problems), /sk-secret/);
  }
});

Deno.test("a client certificate requires its private key, and the two must match", async () => {
  const authority = await createAuthority();
  const [one, other] = [await authority.issue(), await authority.issue()];
  const files: Record<string, string> = { c: one.cert, k: one.key, o: other.key, x: "nothing" };
  const checked = (server: Record<string, unknown>) =>
    checkConfig(
      { servers: { servers: [{ url: "https://a", ...server }] } },
      () => undefined,
      (name) => files[name]!,
    );
  const [server] = configOf(checked({ client_cert: "c", client_key: "k" })).servers;
  assert.deepEqual(server!.clientCertificate, { cert: one.cert, key: one.key });
  for (
    const [written, where] of [
      [{ client_cert: "c" }, "client_key"],
      [{ client_key: "k" }, "client_cert"],
      [{ client_cert: "c", client_key: "o" }, "client_key"],
      [{ client_cert: "c", client_key: "x" }, "client_key"],
      [{ client_cert: "x", client_key: "k" }, "client_cert"],
    ] as [Record<string, string>, string][]
  ) {
    const problems = problemsOf(checked(written));
    assert.deepEqual(problems.map((problem) => problem.where), [`servers.servers[0].${where}`]);
  }
});

Deno.test("messages show numbers without a JSON form as TOML writes them", () => {
  const told = (max_retries: number) => lines(problemsOf(checkSettings({ max_retries })));
  for (const [value, shown] of [[NaN, "nan"], [Infinity, "inf"], [-Infinity, "-inf"]] as const) {
    assert.match(told(value), new RegExp(`, got ${shown}$`));
  }
});

Deno.test("${NAME} in an api_key is replaced by the environment variable", () => {
  const { servers } = configOf(checkServers([
    { url: URL_1, api_key: "${KEY}" },
    { url: URL_2, api_key: "team-${TEAM}-${KEY}" },
    { url: "http://gpu-server-3", api_key: "$KEY{KEY}" },
  ], { KEY: "secret", TEAM: "blue" }));
  assert.deepEqual(servers.map(({ apiKey }) => apiKey), [
    "secret",
    "team-blue-secret",
    "$KEY{KEY}",
  ]);
});

Deno.test("an unset variable is a problem that names it", () => {
  const problems = problemsOf(
    checkServers([{ url: URL_1, api_key: "${GPU_KEY}" }]),
  );
  assert.equal(problems.length, 1);
  assert.equal(problems[0]?.where, "servers.servers[0].api_key");
  assert.match(problems[0]?.what ?? "", /"GPU_KEY" is not set/);
});

Deno.test("the CA of a server's certificate is read from its file", async () => {
  const raw = { servers: { servers: [{ url: URL_1, ca: "ca.pem" }, { url: URL_2 }] } };
  const { ca: first } = await createAuthority();
  const several = `Of both sites:\n${first}\n${(await createAuthority()).ca}`;
  for (const text of [first, several]) {
    const { servers } = configOf(checkConfig(raw, () => undefined, () => text));
    assert.deepEqual(servers.map(({ ca }) => ca), [text, undefined]);
  }
  const [problem] = problemsOf(check(raw));
  assert.equal(problem?.where, "servers.servers[0].ca");
  assert.match(problem?.what ?? "", /^"ca\.pem" can't be read/);
});

Deno.test("ca distinguishes a server's own certificate from its CA's by the host", async () => {
  const [own, authority] = [await createSelfSigned(), await createAuthority()];
  const isSelfSigned = (url: string, pem: string, keys = {}) => {
    const raw = { servers: { servers: [{ url, ca: "ca.pem", ...keys }] } };
    return configOf(checkConfig(raw, () => undefined, () => pem)).servers[0]!.isSelfSigned ?? false;
  };
  assert.ok(isSelfSigned("https://127.0.0.1:8443", own.cert));
  assert.ok(isSelfSigned("https://127.0.0.1:8443", authority.ca + own.cert));
  assert.ok(!isSelfSigned("https://localhost:8443", own.cert), "another host");
  assert.ok(!isSelfSigned("http://127.0.0.1:8443", own.cert), "no TLS");
  assert.ok(!isSelfSigned("https://127.0.0.1:8443", authority.ca), "an authority");
  const signed = (await authority.issue()).cert;
  assert.ok(!isSelfSigned("https://127.0.0.1:8443", signed), "may not sign others");
});

Deno.test("tls_skip_verify causes a warning with the server's name, and is a problem where it has no effect", async () => {
  const own = await createSelfSigned();
  const checked = (server: Record<string, unknown>, config = {}) =>
    checkConfig(
      { servers: { servers: [{ url: "https://127.0.0.1", ...server }] }, config },
      () => undefined,
      () => own.cert,
    );
  const skip = { tls_skip_verify: true };
  const well = checked({ ...skip, name: "gpu-7" });
  assert.equal(configOf(well).servers[0]!.tlsSkipVerify, true);
  const [warning, ...others] = warningsOf(well);
  assert.equal(warning?.where, "servers.servers[0].tls_skip_verify");
  assert.match(warning?.what ?? "", /^the certificate of gpu-7 is not checked/);
  assert.deepEqual(others, []);
  assert.deepEqual(warningsOf(checked({ tls_skip_verify: false })), []);

  const proxy = "http://proxy:3128";
  for (
    const [written, config, where, what] of [
      [{ ...skip, ca: "ca.pem" }, {}, "ca", /has no effect with tls_skip_verify/],
      [{ ...skip, url: "http://127.0.0.1" }, {}, "tls_skip_verify", /no effect without TLS/],
      [{ ...skip, proxy }, {}, "tls_skip_verify", /through a proxy; set proxy = "none"/],
      [skip, { proxy }, "tls_skip_verify", /through a proxy; set proxy = "none"/],
      [{ ca: "ca.pem", proxy }, {}, "ca", /through a proxy; set proxy = "none"/],
    ] as [Record<string, unknown>, Record<string, unknown>, string, RegExp][]
  ) {
    const problems = problemsOf(checked(written, config));
    assert.deepEqual(problems.map((problem) => problem.where), [`servers.servers[0].${where}`]);
    assert.match(problems[0]!.what, what);
  }
  assert.ok(checked({ ...skip, proxy: "none" }, { proxy }).ok);
});

Deno.test("an invalid CA certificate is a problem", async () => {
  const raw = { servers: { servers: [{ url: URL_1, ca: "ca.pem" }] } };
  const { ca } = await createAuthority();
  const texts = ["", "no certificate", wrapped("AAAA"), wrapped("-"), `${ca}${wrapped("AAAA")}`];
  for (const text of [...texts, ca.slice(0, 200) + ca.slice(-30)]) {
    assert.deepEqual(
      problemsOf(checkConfig(raw, () => undefined, () => text)),
      [{ where: "servers.servers[0].ca", what: 'expected PEM certificates in "ca.pem"' }],
      text,
    );
  }
});

function wrapped(text: string): string {
  return `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
}

Deno.test("an empty variable counts as unset", () => {
  const problems = problemsOf(
    checkServers([{ url: URL_1, api_key: "${GPU_KEY}" }], { GPU_KEY: "" }),
  );
  assert.deepEqual(problems.map(({ where }) => where), [
    "servers.servers[0].api_key",
  ]);
});

/** Plausible values half of the time, so that most cases resemble a real file. */
const nearlyConfig = fc.record({
  servers: fc.oneof(
    fc.jsonValue(),
    fc.record({
      servers: fc.oneof(
        fc.jsonValue(),
        fc.array(
          fc.oneof(
            fc.jsonValue(),
            fc.record({
              url: fc.oneof(
                fc.jsonValue(),
                fc.webUrl(),
                fc.constantFrom(URL_1, URL_2),
              ),
              max_concurrent_requests: fc.oneof(fc.jsonValue(), fc.integer()),
              api_key: fc.oneof(fc.jsonValue(), fc.constant("${KEY}")),
              models: fc.oneof(fc.jsonValue(), fc.array(fc.string())),
            }, { requiredKeys: [], noNullPrototype: true }),
          ),
        ),
      ),
    }, { requiredKeys: [], noNullPrototype: true }),
  ),
  config: fc.oneof(
    fc.jsonValue(),
    fc.dictionary(
      fc.constantFrom("policy", "max_retries", "request_timeout", "__proto__"),
      fc.jsonValue(),
      { noNullPrototype: true },
    ),
  ),
}, { requiredKeys: [], noNullPrototype: true });

Deno.test("checking a file never throws, and every problem has a location", () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), nearlyConfig), (raw) => {
      const checked = check(raw);
      const told = checked.ok ? checked.warnings : checked.problems;
      assert.ok(checked.ok || told.length > 0);
      for (const { where, what } of told) {
        assert.ok(where !== "" && what !== "", lines(told));
      }
    }),
    { numRuns },
  );
});

/** TOML values that JSON lacks: dates, NaN and infinities. */
const tomlValue = fc.oneof(
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(NaN, Infinity, -Infinity, -0, 2 ** 53, 5e-324),
);

Deno.test("a TOML value that JSON lacks is accepted or reported at its key", () => {
  const keys = fc.constantFrom(
    ...Object.keys(settingsShape.shape).map((key) => `config.${key}`),
    ...Object.keys(serverShape.shape).map((key) => `servers.servers[0].${key}`),
    ...Object.keys(authShape.shape).map((key) => `auth.${key}`),
    ...Object.keys(corsShape.shape).map((key) => `cors.${key}`),
    "admin.listen",
    "config",
    "auth",
    "admin",
    "tls",
    "cors",
    "servers",
    "servers.servers",
    "servers.servers[0]",
  );
  fc.assert(
    fc.property(keys, tomlValue, fc.boolean(), (where, value, within) => {
      const written = within ? [value] : value;
      const server = { url: URL_1 };
      const raw: Record<string, unknown> = {
        servers: { servers: [server] },
        config: {},
        auth: {},
        admin: {},
        cors: {},
      };
      const path = where.split(/[.[\]]+/).filter((key) => key !== "");
      const last = path.pop()!;
      const table = path.reduce<Record<string, unknown>>(
        (table, key) => table[key] as Record<string, unknown>,
        raw,
      );
      table[last] = written;
      const checked = check(raw);
      if (checked.ok) return;
      for (const { where: told } of checked.problems) {
        assert.ok(told.startsWith(where), `${told} is not at ${where}`);
      }
    }),
    { numRuns },
  );
});

Deno.test("no accepted list of addresses contains a server twice", () => {
  const address = fc.tuple(
    fc.constantFrom("http://a", "http://b:81", "https://a"),
    fc.constantFrom("", "/", "/v1", "/v1/", "/x"),
  ).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.array(address, { minLength: 1, maxLength: 4 }), (urls) => {
      const bases = urls.map((url) => url.replace(/\/?(v1\/?)?$/, ""));
      const distinct = new Set(bases).size === bases.length;
      const checked = checkServers(urls.map((url) => ({ url })));
      assert.equal(checked.ok, distinct);
      if (checked.ok) {
        assert.deepEqual(checked.config.servers.map(({ url }) => url), bases);
      }
    }),
    { numRuns },
  );
});

Deno.test("no problem shows a key, wherever it was written", () => {
  const server = { url: URL_1, api_key: "sk-secret" };
  for (
    const raw of [
      { servers: [server] },
      { servers: { servers: server } },
      { servers: { servers: [[server]] } },
      { servers: { servers: [{ url: URL_1, api_key: ["sk-secret"] }] } },
      { servers: { servers: [{ url: server }] } },
      { servers: { servers: [{ url: URL_1, models: server }] }, config: [server] },
      ...[
        "sk-secret",
        ["sk-secret"],
        { api_keys: "sk-secret" },
        { api_keys: { key: "sk-secret" } },
        { api_keys: [["sk-secret"]] },
        { api_keys: [{ key: "sk-secret" }] },
        { api_keys: [{ key: "sk-secret", name: ["sk-secret"] }] },
        { api_keys: [{ key: "sk-secret", name: "a", requests_per_minute: 0 }] },
        { api_keys: [{ key: "sk-secret", name: "a", models: [] }] },
        { api_keys: ["sk-secret", 3] },
        { api_keys: ["sha256:sk-secret"] },
        { api_keys: ["${sk}-secret", "sk-secret"] },
        { api_keys: ["sk-secret"], api_keys_file: "missing" },
      ].map((auth) => ({ servers: { servers: [{ url: URL_1 }] }, auth })),
    ]
  ) {
    const checked = checkConfig(raw, () => undefined);
    assert.ok(!checked.ok);
    assert.ok(!JSON.stringify(checked).includes("sk-secret"), JSON.stringify(checked));
  }
});

Deno.test("an extra path that is no path, a management route or the router's own is refused", () => {
  const refused: Readonly<Record<string, RegExp>> = {
    "/wake_up": /^\/wake_up is a management route of vLLM, which clients must not reach$/,
    "GET /server_info": /^\/server_info is a management route of vLLM/,
    "/v1/load_lora_adapter": /is a management route of vLLM/,
    "/flush_cache":
      /^\/flush_cache is a management route of another engine, which clients must not/,
    "/slots/0": /is a management route of another engine/,
    "/api/pull": /is a management route of another engine/,
    "GET /metrics": /^the router answers \/metrics itself$/,
    "/v1/../sleep": /^expected a path such as "\/v1\/custom" or "GET \/v1\/custom", got "/,
    "custom": /^expected a path such as/,
  };
  for (const [written, what] of Object.entries(refused)) {
    const problems = problemsOf(checkSettings({ extra_paths: ["/v1/custom", written] }));
    assert.deepEqual(problems.map(({ where }) => where), ["config.extra_paths[1]"], written);
    assert.match(problems[0]!.what, what);
  }
});

Deno.test("an empty list of servers is allowed where servers can be added over the API", () => {
  const servers = { servers: [] };
  const check = (raw: unknown) => checkConfig(raw, () => undefined);
  const checked = check({ servers, admin: { listen: "127.0.0.1:9090" } });
  assert.ok(checked.ok);
  assert.deepEqual(checked.config.servers, []);
  for (
    const raw of [{ servers }, { servers, admin: {} }, { admin: { listen: "127.0.0.1:9090" } }]
  ) {
    assert.equal(check(raw).ok, false, JSON.stringify(raw));
  }
});
