import assert from "node:assert/strict";
import { hasHelm, lintChart, renderChart } from "./helm.ts";
import {
  configIn,
  type Deployment,
  documentsIn,
  find,
  IN_CHART,
  type Manifest,
  plainManifests,
} from "./manifests.ts";

const withHelm = { ignore: !hasHelm() };

Deno.test({
  name: "with the same values the chart renders what the manifests say",
  ...withHelm,
  async fn() {
    const server = { max_concurrent_requests: 256, api_key: "${VLLM_API_KEY}" };
    const rendered = await manifestsOf({
      servers: [0, 1].map((i) => ({ url: `http://vllm-${i}.vllm:8000`, ...server })),
      auth: { api_keys_file: "keys.toml" },
      configSources: [{ secret: { name: "vllm-router-keys" } }],
      envFrom: [{ secretRef: { name: "vllm-router-env" } }],
      serviceMonitor: { enabled: true },
      peers: { existingSecret: "vllm-router-peers" },
    });
    assert.deepEqual(comparable(rendered), comparable(plainManifests(IN_CHART)));
  },
});

Deno.test({
  name: "the chart's values become the configuration that they would be in servers.toml",
  ...withHelm,
  async fn() {
    const rendered = await manifestsOf({
      servers: [{ url: "http://gpu-1:8000", name: 'a "b" <c> & \\d', models: ["m", "n/o:p"] }],
      config: { drain_delay: 0.5, max_in_flight: 1_000_000_000, trusted_proxies: ["10.0.0.0/8"] },
      auth: { api_keys: [{ name: "lab", key: "${LAB_KEY}", model_limits: { "n/o:p": LIMITS } }] },
      models: { aliases: { "claude-*": "m", "x.y": { m: 90, "n/o:p": 10 } }, default: "m" },
      cors: { allow_origins: [] },
      server: { http1: "deno" },
      admin: { api_keys: ["${ADMIN_KEY}"], hosts: ["router.internal"] },
      peers: { enabled: false },
    });
    const text = find(rendered, "ConfigMap", "vllm-router").data!["servers.toml"]!;
    assert.deepEqual(configIn(text), configIn(EXPECTED));
    const { template } = find(rendered, "Deployment", "vllm-router").spec as Deployment;
    assert.equal(template.spec.terminationGracePeriodSeconds, 136);
  },
});

Deno.test({
  name: "with a Service to watch, the pods get a token, and may read what rbac.yaml says",
  ...withHelm,
  async fn() {
    const kubernetes = { service: "vllm", namespace: "models" };
    const rendered = await manifestsOf({
      discovery: [
        { kubernetes, defaults: { max_concurrent_requests: 256 } },
        { kubernetes: { service: "vllm-2", annotations: true } },
        { kubernetes: { service: "vllm-3" } },
        { kubernetes: { service: "far", namespace: "far", api_server: "https://kube:6443" } },
      ],
    });
    const text = find(rendered, "ConfigMap", "vllm-router").data!["servers.toml"]!;
    const [first, ...others] = configIn(text).discovery;
    assert.deepEqual(first!.from, { kind: "kubernetes", annotations: false, ...kubernetes });
    assert.equal(first!.defaults.capacity, 256);
    assert.equal(others.length, 3);
    const { template } = find(rendered, "Deployment", "vllm-router").spec as Deployment;
    assert.equal(template.spec.automountServiceAccountToken, true);
    const isRbac = ({ kind }: Manifest) => kind.startsWith("Role");
    const granted = (namespace: string) =>
      plainManifests(["rbac"]).map(({ metadata, ...manifest }) => ({
        ...manifest,
        metadata: { ...metadata, namespace },
      })) as Manifest[];
    assert.deepEqual(
      comparable(rendered.filter(isRbac)),
      comparable([...granted("models"), ...granted("default")]),
    );
  },
});

Deno.test({
  name: "without a Service to watch, or with rbac.create off, the account gets no permission",
  ...withHelm,
  async fn() {
    const dns = { name: "vllm.internal", port: 8000 };
    const rbac = { create: false };
    for (
      const values of [
        { discovery: [{ dns }] },
        { rbac, discovery: [{ kubernetes: { service: "vllm" } }] },
      ]
    ) {
      const rendered = await manifestsOf(values);
      assert.ok(!rendered.some(({ kind }) => kind.startsWith("Role")));
      const { template } = find(rendered, "Deployment", "vllm-router").spec as Deployment;
      assert.equal(template.spec.automountServiceAccountToken, "rbac" in values);
    }
  },
});

Deno.test({
  name: "the routers are peers with a key that the chart makes, or that an existing Secret has",
  ...withHelm,
  async fn() {
    const servers = [{ url: "http://gpu-1:8000" }];
    const rendered = await manifestsOf({ servers, fullnameOverride: "front" });
    const { data } = find(rendered, "Secret", "front-peers");
    assert.match(atob(data!.PEER_KEY!), /^\w{40}$/);
    const secretOf = (manifests: readonly Manifest[], name: string) => {
      const { template } = find(manifests, "Deployment", name).spec as Deployment;
      return template.spec.containers[0]!.env;
    };
    const from = (name: string) => [{
      name: "PEER_KEY",
      valueFrom: { secretKeyRef: { name, key: "PEER_KEY" } },
    }];
    assert.deepEqual(secretOf(rendered, "front"), from("front-peers"));
    const { peers } = configIn(find(rendered, "ConfigMap", "front").data!["servers.toml"]!);
    assert.equal(peers!.sources[0]!.name, "peers dns front-admin");

    const existing = await manifestsOf({ servers, peers: { existingSecret: "mine" } });
    assert.ok(!existing.some(({ kind }) => kind === "Secret"));
    assert.deepEqual(secretOf(existing, "vllm-router"), from("mine"));
  },
});

Deno.test({
  name: "without peers there is no key, and no router may connect to another",
  ...withHelm,
  async fn() {
    const servers = [{ url: "http://gpu-1:8000" }];
    const rendered = await manifestsOf({ servers, peers: { enabled: false } });
    assert.ok(!rendered.some(({ kind }) => kind === "Secret"));
    const { template } = find(rendered, "Deployment", "vllm-router").spec as Deployment;
    assert.equal(template.spec.containers[0]!.env, undefined);
    const text = find(rendered, "ConfigMap", "vllm-router").data!["servers.toml"]!;
    assert.equal(configIn(text).peers, undefined);
    const { ingress } = find(rendered, "NetworkPolicy", "vllm-router").spec as {
      readonly ingress: readonly unknown[];
    };
    assert.equal(ingress.length, 2);
  },
});

Deno.test({
  name: "helm lint finds no fault in the chart",
  ...withHelm,
  async fn() {
    const { code, output } = await lintChart({ servers: [{ url: "http://gpu-1:8000" }] });
    assert.equal(code, 0, output);
  },
});

Deno.test({
  name: "an existing ConfigMap is mounted in place of the chart's",
  ...withHelm,
  async fn() {
    const rendered = await manifestsOf({ existingConfigMap: "mine" });
    assert.ok(!rendered.some(({ kind }) => kind === "ConfigMap"));
    const { template } = find(rendered, "Deployment", "vllm-router").spec as Deployment;
    const [config] = template.spec.volumes;
    assert.deepEqual(config!.projected!.sources, [{ configMap: { name: "mine" } }]);
  },
});

Deno.test({
  name: "the chart refuses values that no router would understand, and says which",
  ...withHelm,
  async fn() {
    const servers = [{ url: "http://gpu-1:8000" }];
    for (
      const [wrong, message] of [
        [{}, /servers: list at least one/],
        [{ servers, replicas: 3 }, /'replicas' not allowed/],
        [{ servers, config: { drain_timeuot: 3 } }, /'\/config'.*'drain_timeuot' not allowed/],
        [{ servers, ingress: { enabled: true } }, /ingress\.hosts: list at least one/],
      ] as const
    ) {
      const { code, output } = await renderChart(wrong);
      assert.equal(code, 1, output);
      assert.match(output, message);
    }
  },
});

const LIMITS = { tokens_per_minute: 60_000 };
const EXPECTED = `
[servers]
servers = [{ url = "http://gpu-1:8000", name = 'a "b" <c> & \\d', models = ["m", "n/o:p"] }]
[config]
drain_delay = 0.5
max_in_flight = 1_000_000_000
trusted_proxies = ["10.0.0.0/8"]
[auth]
api_keys = [{ name = "lab", key = "\${LAB_KEY}", model_limits = { "n/o:p" = { tokens_per_minute = 60000 } } }]
[models]
aliases = { "claude-*" = "m", "x.y" = { "m" = 90, "n/o:p" = 10 } }
default = "m"
[cors]
allow_origins = []
[server]
http1 = "deno"
[admin]
listen = "0.0.0.0:9090"
api_keys = ["\${ADMIN_KEY}"]
hosts = ["router.internal"]
`;

async function manifestsOf(values: unknown): Promise<Manifest[]> {
  const { code, output } = await renderChart(values);
  assert.equal(code, 0, output);
  return documentsIn(output) as Manifest[];
}

/** Manifests in one order, with configurations as they are understood, without Helm's own labels. */
function comparable(manifests: readonly Manifest[]) {
  const helms = ["app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"];
  return manifests.map(({ metadata, data, ...manifest }) => ({
    ...manifest,
    metadata: {
      ...metadata,
      labels: Object.fromEntries(
        Object.entries(metadata.labels).filter(([label]) => !helms.includes(label)),
      ),
    },
    config: data && configIn(data["servers.toml"]!),
  })).toSorted((a, b) => nameOf(a) < nameOf(b) ? -1 : 1);
}

function nameOf({ kind, metadata }: Pick<Manifest, "kind" | "metadata">): string {
  return `${kind} ${metadata.name}`;
}
