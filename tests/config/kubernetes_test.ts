import assert from "node:assert/strict";
import { parseConfig } from "../../src/config/file/load.ts";

function check(kubernetes: string) {
  const text = `[[discovery]]\nkubernetes = { ${kubernetes} }\n`;
  return parseConfig(text, () => undefined, undefined, (name) => `/etc/router/${name}`);
}

/** The source, and its name. */
function sourceOf(kubernetes: string) {
  const checked = check(kubernetes);
  assert.ok(checked.ok, JSON.stringify(checked));
  assert.deepEqual(checked.warnings, []);
  const [{ name, from }] = checked.config.discovery as [typeof checked.config.discovery[0]];
  return [name, from];
}

/** The problems, one a line. */
function problemsOf(kubernetes: string): string {
  const checked = check(kubernetes);
  assert.ok(!checked.ok);
  return checked.problems.map(({ where, what }) => `${where}: ${what}`).join("\n");
}

Deno.test("a Service of Kubernetes needs only its name", () => {
  assert.deepEqual(sourceOf('service = "vllm"'), [
    "kubernetes vllm",
    { kind: "kubernetes", service: "vllm", annotations: false },
  ]);
});

Deno.test("every key of a Service of Kubernetes is read", () => {
  const keys = `namespace = "llm", service = "vllm", port = "api", annotations = true,
    api_server = "https://kube:6443", token_file = "token", ca_file = "ca.crt"`
    .replace("\n", "");
  assert.deepEqual(sourceOf(keys), ["kubernetes llm/vllm", {
    ...{ kind: "kubernetes", service: "vllm", namespace: "llm", port: "api", annotations: true },
    apiServer: "https://kube:6443",
    tokenFile: "/etc/router/token",
    caFile: "/etc/router/ca.crt",
  }]);
  const [, from] = sourceOf('service = "vllm", port = 8000');
  assert.deepEqual(from, { kind: "kubernetes", service: "vllm", port: 8000, annotations: false });
});

Deno.test("what is wrong with a Service of Kubernetes is named", () => {
  const at = "discovery[0].kubernetes";
  for (
    const [keys, problem] of [
      [
        'namespace = "llm"',
        `${at}.service: expected the name of a Service such as vllm, got nothing`,
      ],
      [
        'service = "a/b"',
        `${at}.service: expected the name of a Service such as vllm, got "a/b"`,
      ],
      [
        'service = "vllm", namespace = "../x"',
        `${at}.namespace: expected the name of a namespace such as llm, got "../x"`,
      ],
      [
        'service = "vllm", port = 0',
        `${at}.port: expected the name of a port such as "http", or a number from 1 to 65535, got 0`,
      ],
      [
        'service = "vllm", namespace = "llm", api_server = "kube:6443"',
        `${at}.api_server: expected the address of an API server such as https://kube.internal:6443, got "kube:6443"`,
      ],
      [
        'service = "vllm", api_server = "https://kube:6443"',
        `${at}.namespace: expected a namespace, got nothing`,
      ],
      [
        'service = "vllm", namespace = "llm", api_server = "http://kube:6443", token_file = "t"',
        `${at}.token_file: the token would be sent in clear; expected an api_server with https://`,
      ],
    ] as const
  ) assert.equal(problemsOf(keys), problem);
});

Deno.test("an unknown key of a Service of Kubernetes is a warning", () => {
  const checked = check('service = "vllm", name_space = "llm"');
  assert.deepEqual(checked.warnings, [{
    where: "discovery[0].kubernetes.name_space",
    what: "unknown key, ignored; did you mean namespace?",
  }]);
});
