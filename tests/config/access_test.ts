import assert from "node:assert/strict";
import type { Access } from "../../src/config/config.ts";
import { hashOf, writtenHash } from "../../src/config/key_hash.ts";
import { checkConfig, type Diagnostic } from "../../src/config/schema.ts";
import { lines } from "../support/config.ts";

const ENV: Record<string, string> = { KEY: "from-outside" };

function check(tables: Record<string, unknown>, files: Record<string, string> = {}) {
  const raw = { servers: { servers: [{ url: "http://a" }] }, ...tables };
  return checkConfig(raw, (name) => ENV[name], (name) => {
    const text = files[name];
    if (text === undefined) throw new Error("no such file");
    return text;
  });
}

function accessOf(tables: Record<string, unknown>, files: Record<string, string> = {}): Access {
  const checked = check(tables, files);
  assert.ok(checked.ok, JSON.stringify(checked));
  assert.deepEqual(checked.warnings, []);
  return checked.config.access;
}

function problemsOf(
  tables: Record<string, unknown>,
  files: Record<string, string> = {},
): readonly Diagnostic[] {
  const checked = check(tables, files);
  return checked.ok ? [] : checked.problems;
}

/** Names and hashes. */
const shown = ({ keys }: Access) => keys.map(({ name, hash }) => [name, hash]);

Deno.test("by default, anyone may use the router, from any origin, over plain HTTP", () => {
  assert.deepEqual(accessOf({}), {
    keys: [],
    keysAreOn: false,
    adminHosts: [],
    corsOrigins: ["*"],
    http1: "own",
  });
});

Deno.test("a key is a string or a table with name and limits, in plain text or hashed", () => {
  const access = accessOf({
    auth: {
      api_keys: [
        "plain-key",
        "${KEY}",
        writtenHash("hashed"),
        {
          name: "lab",
          key: writtenHash("of the lab"),
          models: ["a", "b"],
          requests_per_minute: 60,
          max_in_flight: 4,
        },
        { name: "other", key: "${KEY}-2" },
      ],
    },
  });
  assert.equal(access.keysAreOn, true);
  assert.deepEqual(shown(access), [
    ["key-1", hashOf("plain-key")],
    ["key-2", hashOf("from-outside")],
    ["key-3", hashOf("hashed")],
    ["lab", hashOf("of the lab")],
    ["other", hashOf("from-outside-2")],
  ]);
  const { hash: _, ...lab } = access.keys[3]!;
  assert.deepEqual(lab, {
    name: "lab",
    models: ["a", "b"],
    requestsPerMinute: 60,
    maxInFlight: 4,
  });
  assert.deepEqual(Object.keys(access.keys[4]!).sort(), ["hash", "name"]);
});

Deno.test("a key has limits of tokens, also by model, and a priority; models have limits for all", () => {
  const limits = { m: { tokens_per_minute: 5 }, "a.b": { tokens_per_day: 7 } };
  const lab = {
    name: "lab",
    key: "key-of-lab",
    tokens_per_minute: 60,
    tokens_per_day: 600,
    model_limits: limits,
    priority: -3,
  };
  const access = accessOf({ auth: { api_keys: [lab], model_limits: limits } });
  const modelLimits = new Map([["m", { tokensPerMinute: 5 }], ["a.b", { tokensPerDay: 7 }]]);
  const { hash: _, ...key } = access.keys[0]!;
  assert.deepEqual(key, {
    name: "lab",
    tokensPerMinute: 60,
    tokensPerDay: 600,
    modelLimits,
    priority: -3,
  });
  assert.deepEqual(access.modelLimits, modelLimits);
  assert.equal(accessOf({ auth: {} }).modelLimits, undefined);
});

Deno.test("keys from a file are added to those in the configuration", () => {
  const auth = { api_keys: [{ name: "here", key: "key-one-" }], api_keys_file: "keys.toml" };
  const text = `api_keys = ["key-two-", { name = "there", key = "key-three", max_in_flight = 1 }]`;
  const access = accessOf({ auth }, { "keys.toml": text });
  assert.deepEqual(shown(access), [
    ["here", hashOf("key-one-")],
    ["key-2", hashOf("key-two-")],
    ["there", hashOf("key-three")],
  ]);
});

Deno.test("an empty key file denies everyone", () => {
  const access = accessOf({ auth: { api_keys_file: "k" } }, { k: "api_keys = []" });
  assert.deepEqual([access.keys, access.keysAreOn], [[], true]);
});

Deno.test("an empty list of keys denies everyone", () => {
  const access = accessOf({ auth: { api_keys: [] } });
  assert.deepEqual([access.keys, access.keysAreOn], [[], true]);
});

for (
  const [what, api_keys, where] of [
    ["a string instead of a list", "sk-secret", "auth.api_keys"],
    ["an empty string", [""], "auth.api_keys[0]"],
    ["a number", ["key-of-k", 3], "auth.api_keys[1]"],
    ["tokens a minute that are no count", [
      { name: "a", key: "key-of-k", tokens_per_minute: 0 },
    ], "auth.api_keys[0].tokens_per_minute"],
    ["a priority that is no whole number", [
      { name: "a", key: "key-of-k", priority: 0.5 },
    ], "auth.api_keys[0].priority"],
    ["a limit of a model that is no table", [
      { name: "a", key: "key-of-k", model_limits: { m: 5 } },
    ], "auth.api_keys[0].model_limits.m"],
    ["a misspelt limit of a model", [
      { name: "a", key: "key-of-k", model_limits: { "a.b": { tokens_per_hour: 1 } } },
    ], 'auth.api_keys[0].model_limits."a.b".tokens_per_hour'],
    ["a misspelt limit", [
      { name: "a", key: "key-of-k", max_inflight: 1 },
    ], "auth.api_keys[0].max_inflight"],
    ["a table without a key", [{ name: "a" }], "auth.api_keys[0].key"],
    ["a table without a name", [{ key: "sk-secret" }], "auth.api_keys[0].name"],
    [
      "a table whose key is not a string",
      [{ name: "a", key: ["sk-secret"] }],
      "auth.api_keys[0].key",
    ],
    ["a limit of 0", [
      { name: "a", key: "sk-secret", max_in_flight: 0 },
    ], "auth.api_keys[0].max_in_flight"],
    ["a limit that is not a number", [
      { name: "a", key: "key-of-k", requests_per_minute: "60" },
    ], "auth.api_keys[0].requests_per_minute"],
    ["a list instead of a key", [["sk-secret"]], "auth.api_keys[0]"],
    ["models that are a string", [
      { name: "a", key: "sk-secret", models: "x" },
    ], "auth.api_keys[0].models"],
    ["a model that is a number", [
      { name: "a", key: "key-of-k", models: ["x", 3] },
    ], "auth.api_keys[0].models[1]"],
    ["no models", [{ name: "a", key: "key-of-k", models: [] }], "auth.api_keys[0].models"],
    ["a key of seven characters", ["sk-1234"], "auth.api_keys[0]"],
    ["a key with a space", ["sk-secret of mine"], "auth.api_keys[0]"],
    ["a key that a header can't carry", ["sk-secret-ключ"], "auth.api_keys[0]"],
    ["a hash that is too short", ["sha256:abc"], "auth.api_keys[0]"],
    ["an unset variable", ["${MISSING}"], "auth.api_keys[0]"],
    [
      "two keys with the same name",
      [{ name: "a", key: "key-of-k" }, { name: "a", key: "key-of-l" }],
      "auth",
    ],
  ] as [string, unknown, string][]
) {
  Deno.test(`${what} among the keys is one problem at ${where}, and shows no key`, () => {
    const problems = problemsOf({ auth: { api_keys } });
    assert.deepEqual(problems.map((problem) => problem.where), [where], lines(problems));
    assert.doesNotMatch(lines(problems), /sk-secret/);
  });
}

for (
  const [what, text, told] of [
    ["invalid TOML", `api_keys = ["sk-secret`, /^k: not valid TOML; the content is not shown$/],
    ["no list of keys", `keys = ["sk-secret"]`, /^k api_keys: expected a list/],
    ["an invalid key", `api_keys = ["sk-secret", 3]`, /^k api_keys\[1\]: expected a key/],
    [
      "a limit of 0",
      `api_keys = [{ name = "a", key = "sk-secret", requests_per_minute = 0 }]`,
      /^k api_keys\[0\]\.requests_per_minute: expected a whole number of at least 1, got 0$/,
    ],
    [
      "models that are a string",
      `api_keys = [{ name = "a", key = "sk-secret", models = "x" }]`,
      /^k api_keys\[0\]\.models: expected a list of model names, got "x"$/,
    ],
    [
      "a key without a name",
      `api_keys = ["key-of-k", { key = "sk-secret" }]`,
      /^k api_keys\[1\]\.name: expected a non-empty string, got nothing$/,
    ],
    ["a bad hash", `api_keys = ["sha256:sk-secret"]`, /^k api_keys\[0\]: expected 64/],
  ] as const
) {
  Deno.test(`a key file with ${what} is one problem that names the file, and shows no key`, () => {
    const problems = problemsOf({ auth: { api_keys_file: "k" } }, { k: text });
    assert.equal(problems.length, 1, lines(problems));
    assert.match(lines(problems), told);
    assert.doesNotMatch(lines(problems), /sk-secret/);
  });
}

Deno.test("a problem in a key's table states the expected and the actual value", () => {
  const told = (fields: Record<string, unknown>) =>
    lines(
      problemsOf({ auth: { api_keys: ["key-of-k", { name: "a", key: "sk-secret", ...fields }] } }),
    );
  assert.equal(
    told({ requests_per_minute: 0 }),
    "auth.api_keys[1].requests_per_minute: expected a whole number of at least 1, got 0",
  );
  assert.equal(
    told({ models: "x" }),
    `auth.api_keys[1].models: expected a list of model names, got "x"`,
  );
  assert.equal(
    told({ name: undefined, max_in_flight: 0.5 }),
    "auth.api_keys[1].name: expected a non-empty string, got nothing\n" +
      "auth.api_keys[1].max_in_flight: expected a whole number of at least 1, got 0.5",
  );
});

Deno.test("a name in both the configuration and the key file is a problem", () => {
  const auth = { api_keys: [{ name: "a", key: "key-of-k" }], api_keys_file: "k" };
  const problems = problemsOf({ auth }, { k: `api_keys = [{ name = "a", key = "key-of-l" }]` });
  assert.equal(lines(problems), "auth: expected unique key names, got a twice");
});

for (
  const [written, hostname, port] of [
    ["127.0.0.1:9090", "127.0.0.1", 9090],
    ["0.0.0.0:0", "0.0.0.0", 0],
    ["[::1]:9090", "::1", 9090],
    ["localhost:65535", "localhost", 65_535],
  ] as const
) {
  Deno.test(`admin.listen ${written} is port ${port} on ${hostname}`, () => {
    assert.deepEqual(accessOf({ admin: { listen: written } }).adminListen, { hostname, port });
  });
}

Deno.test("the admin address accepts its own host name and those in admin.hosts", () => {
  const hosts = (admin: unknown) => accessOf({ admin }).adminHosts;
  assert.deepEqual(hosts({ hosts: ["Router.internal"] }), ["router.internal"]);
  assert.deepEqual(hosts({ listen: "Gpu-1:9090", hosts: ["a"] }), ["a", "gpu-1"]);
  for (const name of ["", "router:9090", "http://router", "*", 3]) {
    const problems = problemsOf({ admin: { hosts: ["a", name] } });
    assert.deepEqual(problems.map(({ where }) => where), ["admin.hosts[1]"], String(name));
  }
});

for (
  const written of [
    "",
    "9090",
    ":9090",
    "127.0.0.1",
    "127.0.0.1:",
    "a:65536",
    "::1:9090",
    "[]:1",
    9090,
  ]
) {
  Deno.test(`admin.listen ${JSON.stringify(written)} is one problem`, () => {
    const problems = problemsOf({ admin: { listen: written } });
    assert.deepEqual(problems.map(({ where }) => where), ["admin.listen"]);
  });
}

Deno.test("certificate and key are read from their files, and one without the other is a problem", () => {
  const files = { "c.pem": "the certificate", "k.pem": "its key" };
  const tls = { cert: "c.pem", key: "k.pem" };
  assert.deepEqual(accessOf({ tls }, files).tls, { cert: "the certificate", key: "its key" });
  for (const [missing, where] of [["key", "tls.key"], ["cert", "tls.cert"]] as const) {
    const { [missing]: _, ...rest } = tls;
    assert.deepEqual(problemsOf({ tls: rest }, files).map((problem) => problem.where), [where]);
  }
  assert.deepEqual(
    lines(problemsOf({ tls: { ...tls, key: "other.pem" } }, files)),
    `tls.key: "other.pem" no such file`,
  );
});

Deno.test("origins are accepted only in the form that browsers send", () => {
  const allowed = ["https://app.example", "http://localhost:3000", "*"];
  assert.deepEqual(accessOf({ cors: { allow_origins: allowed } }).corsOrigins, allowed);
  assert.deepEqual(accessOf({ cors: { allow_origins: [] } }).corsOrigins, []);
  for (const origin of ["app.example", "https://app.example/", "HTTPS://app.example", "null", 3]) {
    const problems = problemsOf({ cors: { allow_origins: ["*", origin] } });
    assert.deepEqual(problems.map(({ where }) => where), ["cors.allow_origins[1]"], String(origin));
  }
});

Deno.test("keys that allow changing servers are kept as hashes, as clients' keys are", () => {
  const admin = { api_keys: ["${KEY}", writtenHash("by-its-hash")] };
  assert.deepEqual(accessOf({ admin }).adminKeys, [hashOf("from-outside"), hashOf("by-its-hash")]);
  assert.deepEqual(accessOf({ admin: { api_keys: [] } }).adminKeys, []);
  assert.equal(accessOf({ admin: {} }).adminKeys, undefined);
});

for (
  const [keys, problem] of [
    ["hunter22", /^admin\.api_keys: expected a list of keys; the value is not shown$/],
    [
      [7],
      /^admin\.api_keys\[0\]: expected a key, or sha256: and its hash; the value is not shown$/,
    ],
    [["short"], /^admin\.api_keys\[0\]: expected a key of at least 8 characters, got 5$/],
    [["${NONE}"], /^admin\.api_keys\[0\]: the environment variable "NONE" is not set$/],
    [["sha256:abc"], /^admin\.api_keys\[0\]: expected 64 hexadecimal digits after sha256:$/],
  ] as const
) {
  Deno.test(`admin.api_keys = ${JSON.stringify(keys)} is a problem`, () => {
    assert.match(lines(problemsOf({ admin: { api_keys: keys } })), problem);
  });
}
