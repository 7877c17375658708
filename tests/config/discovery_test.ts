import assert from "node:assert/strict";
import { parseConfig } from "../../src/config/file/load.ts";

const ENV: Record<string, string> = { KEY: "secret-key" };

function check(text: string) {
  return parseConfig(text, (name) => ENV[name], undefined, (name) => `/etc/router/${name}`);
}

/** The first and only entry of a valid configuration. */
function entryOf(text: string) {
  const checked = check(text);
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.config.discovery[0];
}

/** The only problem, as one line. */
function problemOf(text: string): string {
  const checked = check(text);
  assert.ok(!checked.ok);
  return checked.problems.map(({ where, what }) => `${where}: ${what}`).join("\n");
}

const inEntry = (line: string) => `[[discovery]]\n${line}\n`;

Deno.test("a name in DNS is looked up every ten seconds for both kinds of addresses", () => {
  assert.deepEqual(entryOf(inEntry('dns = { name = "vllm.internal", port = 8000 }')), {
    name: "dns vllm.internal",
    from: {
      kind: "dns",
      name: "vllm.internal",
      types: ["A", "AAAA"],
      port: 8000,
      everyMs: 10_000,
    },
    scheme: "http",
    defaults: { capacity: 3 },
  });
});

Deno.test("every key of a source and of its defaults is read", () => {
  const text = `
    [[discovery]]
    name = "gpus"
    scheme = "https"
    dns = { name = "_vllm._tcp.internal", type = "SRV", every = 2.5, resolver = "127.0.0.1:8600" }
    defaults = { max_concurrent_requests = 8, api_key = "\${KEY}", engine = "sglang", models = ["m"], tls_skip_verify = true }
  `;
  const checked = check(text);
  assert.ok(checked.ok, JSON.stringify(checked));
  assert.deepEqual(checked.config.discovery, [{
    name: "gpus",
    from: {
      kind: "dns",
      name: "_vllm._tcp.internal",
      types: ["SRV"],
      everyMs: 2_500,
      resolver: { ipAddr: "127.0.0.1", port: 8600 },
    },
    scheme: "https",
    defaults: {
      capacity: 8,
      apiKey: "secret-key",
      tlsSkipVerify: true,
      engine: "sglang",
      models: ["m"],
    },
  }]);
  assert.deepEqual(checked.warnings.map(({ where }) => where), [
    "discovery[0].defaults.tls_skip_verify",
  ]);
});

Deno.test("paths of files are relative to the configuration", () => {
  assert.deepEqual(entryOf(inEntry('files = ["servers/*.json", "more.yaml"]')), {
    name: "files servers/*.json and 1 more",
    from: { kind: "files", patterns: ["/etc/router/servers/*.json", "/etc/router/more.yaml"] },
    scheme: "http",
    defaults: { capacity: 3 },
  });
});

Deno.test("a configuration with a source needs no list of servers, one without does", () => {
  const source = inEntry('files = ["a.json"]');
  assert.ok(check(source).ok);
  assert.ok(check(`${source}[servers]\nservers = []\n`).ok);
  assert.match(problemOf("[servers]\nservers = []\n"), /expected at least one server/);
  assert.match(problemOf("[config]\n"), /servers: expected a table \[servers\]/);
});

for (
  const [line, problem] of [
    ["", "discovery[0]: expected exactly one of dns, files, kubernetes, got none"],
    [
      'files = ["a.json"]\ndns = { name = "a", port = 1 }',
      "discovery[0]: expected exactly one of dns, files, kubernetes, got dns and files",
    ],
    ['dns = { name = "a" }', "discovery[0].dns.port: expected a port, got nothing"],
    [
      'dns = { name = "a b", port = 1 }',
      'discovery[0].dns.name: expected a host name such as vllm.internal, got "a b"',
    ],
    [
      'dns = { name = "a", port = 70000 }',
      "discovery[0].dns.port: expected a port from 1 to 65535, got 70000",
    ],
    [
      'dns = { name = "a", port = 1, resolver = "consul:8600" }',
      "discovery[0].dns.resolver: expected the address and port of a name server, such as " +
      '127.0.0.1:8600, got "consul:8600"',
    ],
    [
      'dns = { name = "a", port = 1, type = "MX" }',
      'discovery[0].dns.type: expected "A", "AAAA" or "SRV"',
    ],
    [
      'files = ["*/a.json"]',
      "discovery[0].files[0]: expected the path of .json, .yaml or .yml files, with " +
      '"*" in its last part only, got "*/a.json"',
    ],
    ["files = []", "discovery[0].files: expected at least one path"],
    [
      'files = ["a.json"]\ndefaults = { max_concurrent_requests = 0 }',
      "discovery[0].defaults.max_concurrent_requests: expected a whole number of at least 1, got 0",
    ],
    [
      'files = ["a.json"]\ndefaults = { api_key = "${NONE}" }',
      'discovery[0].defaults.api_key: the environment variable "NONE" is not set',
    ],
    [
      'files = ["a.json"]\ndefaults = { ca = "ca.pem", tls_skip_verify = true }',
      "discovery[0].defaults.tls_skip_verify: has no effect without TLS; expected a url with https://",
    ],
  ] as const
) {
  Deno.test(`an entry with ${line.replaceAll("\n", ", ") || "nothing"} is a problem`, () => {
    assert.ok(problemOf(inEntry(line)).includes(problem), problemOf(inEntry(line)));
  });
}

Deno.test("two sources of the same name are a problem", () => {
  const source = inEntry('dns = { name = "a", port = 1 }');
  assert.equal(
    problemOf(source + source),
    'discovery[1].name: expected a unique name, got "dns a", the name of discovery[0]',
  );
});

Deno.test("unknown keys of a source, its kind and its defaults are warned about", () => {
  const checked = check(inEntry(
    'shceme = "http"\ndns = { name = "a", port = 1, evry = 2 }\ndefaults = { api_kye = "k" }',
  ));
  assert.deepEqual(checked.warnings.map(({ where, what }) => `${where}: ${what}`), [
    "discovery[0].shceme: unknown key, ignored; did you mean scheme?",
    "discovery[0].defaults.api_kye: unknown key, ignored; did you mean api_key?",
    "discovery[0].dns.evry: unknown key, ignored; did you mean every?",
  ]);
});

Deno.test("no source can have the name of the one for servers that are added over the API", () => {
  const problem = problemOf('[[discovery]]\nname = "api"\nfiles = ["a.json"]\n');
  assert.match(problem, /^discovery\[0\]\.name: expected another name, got "api"/);
});
