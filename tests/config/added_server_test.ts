import assert from "node:assert/strict";
import { checkAddedServer } from "../../src/config/added_server.ts";

const VARIABLES: Readonly<Record<string, string>> = { VLLM_API_KEY_B: "secret-b", HOME: "/root" };
const env = (name: string) => VARIABLES[name];
const check = (raw: unknown, proxy?: string) => checkAddedServer(raw, { env, proxy });

/** The configuration of a valid server. */
function configOf(raw: unknown, proxy?: string) {
  const checked = check(raw, proxy);
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.config;
}

/** The problems of an invalid server, one per line. */
function problemsOf(raw: unknown): string {
  const checked = check(raw);
  assert.ok(!checked.ok, JSON.stringify(checked));
  return checked.problems.map(({ where, what }) => `${where}: ${what}`).join("\n");
}

const URL = "http://gpu-1:8000";

Deno.test("an added server has the defaults of one in the file", () => {
  assert.deepEqual(configOf({ url: `${URL}/v1/` }), { url: URL, name: "gpu-1:8000", capacity: 3 });
  assert.equal(configOf({ url: URL }, "http://proxy:3128").proxy, "http://proxy:3128");
});

Deno.test("an added server has the keys of one in the file", () => {
  const config = configOf({
    url: URL,
    name: "gpu 1",
    max_concurrent_requests: 8,
    api_key: "${VLLM_API_KEY_B}",
    engine: "sglang",
    health_path: "/ping",
    models: ["m"],
    priority_scheduling: true,
  });
  assert.deepEqual(config, {
    url: URL,
    name: "gpu 1",
    capacity: 8,
    apiKey: "secret-b",
    engine: "sglang",
    healthPath: "/ping",
    models: ["m"],
    schedulesByPriority: true,
  });
});

Deno.test("what is added in SMG's shape is taken, and what the router has no use for is named", () => {
  const checked = check({
    url: URL,
    models: [{ id: "m", model_type: ["chat"] }],
    worker_type: "regular",
    priority: 50,
    labels: { a: "b" },
  });
  assert.ok(checked.ok);
  assert.deepEqual(checked.config.models, ["m"]);
  assert.deepEqual(checked.warnings.map(({ where }) => where), [
    "server.priority",
    "server.labels",
  ]);
  assert.match(problemsOf({ url: URL, worker_type: "prefill" }), /worker_type: expected "regular"/);
});

for (
  const [raw, problem] of [
    [undefined, /^server: expected a server|^server.*: /],
    [[], /^server/],
    [{}, /server\.url: expected a non-empty string, got nothing/],
    [{ url: "gpu-1:8000" }, /server\.url: expected an address such as/],
    [{ url: "ftp://gpu-1" }, /server\.url: expected an address such as/],
    [{ url: "file:///etc/passwd" }, /server\.url: expected an address such as/],
    [{ url: "http://${HOME}:8000" }, /server\.url: expected an address such as/],
    [{ url: "http://user:pass@gpu-1" }, /got one with a user or password/],
    [{ url: `http://gpu-1/${"x".repeat(2_048)}` }, /server\.url: expected an address such as/],
    [{ url: URL, max_concurrent_requests: 0 }, /server\.max_concurrent_requests: expected a whole/],
    [{ url: URL, name: "a\nb" }, /server\.name: expected one line/],
    [{ url: URL, engine: "other" }, /server\.engine: expected one of/],
    [{ url: URL, models: [] }, /server\.models: expected at least one/],
    [{ url: URL, models: "m" }, /server\.models: expected a list of model names/],
    [{ url: URL, models: [{ name: "m" }] }, /server\.models\[0\]: expected one line/],
    [{ url: URL, ca: "/etc/ssl/ca.pem" }, /server\.ca: can't be set over the API/],
    [{ url: URL, proxy: "http://p:1" }, /server\.proxy: can't be set over the API/],
    [{ url: URL, client_key: "/etc/shadow" }, /server\.client_key: can't be set over the API/],
    [{ url: URL, api_key: "${HOME}" }, /server\.api_key: expected a variable whose name begins/],
    [{ url: URL, api_key: "${VLLM_API_KEY}" }, /server\.api_key: the environment variable/],
    [{ url: URL, tls_skip_verify: true }, /server\.tls_skip_verify: has no effect without TLS/],
  ] as const
) {
  Deno.test(`a server ${JSON.stringify(raw)?.slice(0, 80)} can't be added`, () => {
    assert.match(problemsOf(raw), problem);
  });
}

Deno.test("no message shows a key or a password", () => {
  for (const raw of [{ url: "http://u:hunter22@h" }, { url: URL, api_key: "hunter22 x" }]) {
    assert.doesNotMatch(problemsOf(raw), /hunter22/);
  }
});

Deno.test("a key that is no reference is taken, with a warning that it is not kept", () => {
  const checked = check({ url: URL, api_key: "secret" });
  assert.ok(checked.ok);
  assert.equal(checked.config.apiKey, "secret");
  assert.match(checked.warnings[0]!.what, /not kept over a restart/);
  assert.deepEqual(check({ url: URL, api_key: "${VLLM_API_KEY_B}" }).warnings, []);
});

Deno.test("a server whose certificate is not checked is added with a warning", () => {
  const checked = check({ url: "https://gpu-1", tls_skip_verify: true });
  assert.ok(checked.ok);
  assert.match(checked.warnings[0]!.what, /certificate of gpu-1 is not checked/);
});
