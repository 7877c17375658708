import assert from "node:assert/strict";
import { checkConfig } from "../../src/config/schema.ts";

const servers = { servers: [{ url: "http://gpu-1:8000" }] };

/** Checks a `[tracing]` table with these environment variables. */
function check(tracing?: unknown, env: Readonly<Record<string, string>> = {}) {
  return checkConfig({ servers, ...(tracing !== undefined && { tracing }) }, (name) => env[name]);
}

function accepted(tracing?: unknown, env: Readonly<Record<string, string>> = {}) {
  const checked = check(tracing, env);
  assert.ok(checked.ok, JSON.stringify(checked));
  return { tracing: checked.config.tracing, warnings: checked.warnings };
}

const ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";

Deno.test("requests are not traced unless an endpoint is named", () => {
  assert.deepEqual(accepted(), { tracing: undefined, warnings: [] });
  const others = {
    OTEL_SERVICE_NAME: "a",
    OTEL_TRACES_SAMPLER: "unknown",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    OTEL_EXPORTER_OTLP_HEADERS: "malformed",
  };
  assert.deepEqual(accepted({ sample_ratio: 0.5 }, others), { tracing: undefined, warnings: [] });
});

Deno.test("an endpoint is enough, and everything else has the defaults of OpenTelemetry", () => {
  assert.deepEqual(accepted({ endpoint: "http://collector:4318" }).tracing, {
    url: "http://collector:4318/v1/traces",
    protocol: "http/protobuf",
    headers: [],
    timeoutMs: 10_000,
    gzip: false,
    sampler: { ratio: 1, isParentBased: true },
    resource: { "service.name": "vllm-router" },
    maxQueue: 2_048,
    maxBatch: 512,
    delayMs: 5_000,
  });
});

Deno.test("the path for traces is appended to a base address only", () => {
  const ofFile = (endpoint: string) => accepted({ endpoint }).tracing?.url;
  assert.equal(ofFile("https://a/"), "https://a/v1/traces");
  assert.equal(ofFile("https://a/otlp"), "https://a/otlp/v1/traces");
  assert.equal(ofFile("https://a/v1/traces"), "https://a/v1/traces");
  const ofEnv = (env: Record<string, string>) => accepted(undefined, env).tracing?.url;
  assert.equal(ofEnv({ [ENDPOINT]: "http://a:4318" }), "http://a:4318/v1/traces");
  const traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
  assert.equal(ofEnv({ [ENDPOINT]: "http://a:4318", [traces]: "http://b/x" }), "http://b/x");
});

Deno.test("every variable of OpenTelemetry is read, and the file outranks them", () => {
  const env = {
    [ENDPOINT]: "http://a:4318",
    OTEL_EXPORTER_OTLP_HEADERS: "Authorization=Bearer%20a, X-Scope=1",
    OTEL_EXPORTER_OTLP_TIMEOUT: "1000",
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "2000",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_SERVICE_NAME: "of-env",
    OTEL_RESOURCE_ATTRIBUTES: "service.name=less,host.name=a%2Cb",
    OTEL_TRACES_SAMPLER: "traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.25",
    OTEL_BSP_MAX_QUEUE_SIZE: "100",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "200",
    OTEL_BSP_SCHEDULE_DELAY: "30",
  };
  assert.deepEqual(accepted(undefined, env), {
    tracing: {
      url: "http://a:4318/v1/traces",
      protocol: "http/json",
      headers: [["authorization", "Bearer a"], ["x-scope", "1"]],
      timeoutMs: 2_000,
      gzip: true,
      sampler: { ratio: 0.25, isParentBased: false },
      resource: { "service.name": "of-env", "host.name": "a,b" },
      maxQueue: 100,
      maxBatch: 100,
      delayMs: 30,
    },
    warnings: [],
  });
  const { tracing } = accepted({
    endpoint: "http://b:4318",
    headers: { Authorization: "Bearer ${TOKEN}" },
    sample_ratio: 0.5,
    service_name: "of-file",
  }, { ...env, TOKEN: "b" });
  assert.equal(tracing?.url, "http://b:4318/v1/traces");
  assert.deepEqual(tracing.headers, [["authorization", "Bearer b"], ["x-scope", "1"]]);
  assert.deepEqual(tracing.sampler, { ratio: 0.5, isParentBased: true });
  assert.equal(tracing.resource["service.name"], "of-file");
});

Deno.test("http/protobuf is what OpenTelemetry's default says, and http/json can be asked for", () => {
  const protocolFor = (env: Record<string, string>) => {
    const { tracing, warnings } = accepted(undefined, { [ENDPOINT]: "http://a", ...env });
    assert.deepEqual(warnings, []);
    return tracing?.protocol;
  };
  const all = "OTEL_EXPORTER_OTLP_PROTOCOL";
  assert.equal(protocolFor({}), "http/protobuf");
  assert.equal(protocolFor({ [all]: "http/protobuf" }), "http/protobuf");
  assert.equal(protocolFor({ [all]: "http/json" }), "http/json");
  const traces = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
  assert.equal(protocolFor({ [all]: "grpc", [traces]: "http/json" }), "http/json");
});

Deno.test("each sampler of OpenTelemetry is known by its name", () => {
  const samplerOf = (name: string) =>
    accepted({ endpoint: "http://a" }, {
      OTEL_TRACES_SAMPLER: name,
      OTEL_TRACES_SAMPLER_ARG: "0.5",
    }).tracing?.sampler;
  assert.deepEqual(samplerOf("always_on"), { ratio: 1, isParentBased: false });
  assert.deepEqual(samplerOf("always_off"), { ratio: 0, isParentBased: false });
  assert.deepEqual(samplerOf("traceidratio"), { ratio: 0.5, isParentBased: false });
  assert.deepEqual(samplerOf("parentbased_always_on"), { ratio: 1, isParentBased: true });
  assert.deepEqual(samplerOf("parentbased_always_off"), { ratio: 0, isParentBased: true });
  assert.deepEqual(samplerOf("parentbased_traceidratio"), { ratio: 0.5, isParentBased: true });
});

Deno.test("OTEL_SDK_DISABLED and OTEL_TRACES_EXPORTER=none switch tracing off", () => {
  for (const env of [{ OTEL_SDK_DISABLED: "TRUE" }, { OTEL_TRACES_EXPORTER: "none" }]) {
    assert.equal(accepted({ endpoint: "http://a" }, env).tracing, undefined);
  }
});

Deno.test("what is wrong in the environment is a warning, and its default applies", () => {
  const warned = (env: Record<string, string>) => {
    const { tracing, warnings } = accepted(undefined, { [ENDPOINT]: "http://a", ...env });
    return { tracing, warnings: warnings.map(({ where, what }) => `${where}: ${what}`) };
  };
  const grpc = warned({ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" });
  assert.equal(grpc.tracing, undefined);
  assert.match(grpc.warnings.join(), /^OTEL_EXPORTER_OTLP_PROTOCOL: grpc is not supported.*4318/);
  const unknown = warned({ OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/xml" });
  assert.equal(unknown.tracing?.protocol, "http/protobuf");
  assert.match(
    unknown.warnings.join(),
    /_TRACES_PROTOCOL: .* got "http\/xml"; http\/protobuf applies$/,
  );
  for (
    const [name, value] of [
      ["OTEL_EXPORTER_OTLP_TIMEOUT", "10s"],
      ["OTEL_BSP_MAX_QUEUE_SIZE", "0"],
      ["OTEL_TRACES_SAMPLER", "jaeger_remote"],
      ["OTEL_EXPORTER_OTLP_HEADERS", "secret"],
      ["OTEL_EXPORTER_OTLP_HEADERS", "a=secret%0d%0ab: c"],
      ["OTEL_EXPORTER_OTLP_HEADERS", "a=secret%zz"],
      ["OTEL_EXPORTER_OTLP_HEADERS", "secret="],
      ["OTEL_EXPORTER_OTLP_CERTIFICATE", "no-file.pem"],
      ["OTEL_RESOURCE_ATTRIBUTES", "secret"],
    ]
  ) {
    const { tracing, warnings } = warned({ [name!]: value! });
    assert.ok(tracing, name);
    assert.equal(warnings.length, 1, name);
    assert.match(warnings[0]!, new RegExp(`^${name}: (?:expected |"no-file.pem" can't be read)`));
    assert.doesNotMatch(warnings[0]!, /secret/);
  }
  const ratio = { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" };
  assert.match(warned(ratio).warnings.join(), /^OTEL_TRACES_SAMPLER_ARG: .* got "2"; 1 applies$/);
  const address = warned({ [ENDPOINT]: "collector:4318" });
  assert.equal(address.tracing, undefined);
  assert.match(address.warnings.join(), /^OTEL_EXPORTER_OTLP_ENDPOINT: expected an address/);
});

Deno.test("what is wrong in the file is a problem that shows no secret", () => {
  const problems = (tracing: unknown) => {
    const checked = check(tracing);
    assert.ok(!checked.ok);
    return checked.problems.map(({ where, what }) => `${where}: ${what}`);
  };
  assert.match(problems({ endpoint: "collector:4318" }).join(), /^tracing\.endpoint: expected an/);
  for (const endpoint of ["http://user:secret@a", "http://:secret@a"]) {
    assert.match(problems({ endpoint }).join(), /^tracing\.endpoint: (?!.*secret)/);
  }
  assert.match(
    problems({ endpoint: "http://a", headers: { a: "${NO_TOKEN}" } }).join(),
    /^tracing\.headers\.a: .*"NO_TOKEN" is not set$/,
  );
  assert.match(
    problems({ headers: { "a b": "secret" } }).join(),
    /^tracing\.headers\.a b: (?!.*secret)/,
  );
  assert.match(problems({ headers: { a: 1 } }).join(), /^tracing\.headers\.a: expected a header/);
  assert.match(problems({ sample_ratio: 2 }).join(), /^tracing\.sample_ratio: expected a number/);
  assert.match(problems({ service_name: "" }).join(), /^tracing\.service_name: expected/);
});

Deno.test("an unknown key is a warning", () => {
  const { warnings } = accepted({ endpoint: "http://a", sample_rate: 0.5 });
  assert.match(warnings.map(({ what }) => what).join(), /did you mean sample_ratio/);
});
