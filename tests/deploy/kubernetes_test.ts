import assert from "node:assert/strict";
import { routerPortOption } from "../../src/cli/options.ts";
import { parseConfig } from "../../src/config/file/load.ts";
import { VERSION } from "../../src/version.ts";
import { startFleet } from "../support/fleet.ts";
import {
  type Deployment,
  documentsIn,
  find,
  type Manifest,
  plainManifests,
  read,
  type Service,
} from "./manifests.ts";

/** A Role or a RoleBinding. */
interface Rbac extends Manifest {
  readonly rules?: unknown;
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: unknown;
}

interface Kustomization {
  readonly resources: readonly string[];
}

const [kustomization] = documentsIn(read("kubernetes/kustomization.yaml")) as [Kustomization];
const manifests = [...kustomization.resources, "servicemonitor.yaml"]
  .flatMap((name) => documentsIn(read(`kubernetes/${name}`))) as Manifest[];

const deployment = find(manifests, "Deployment", "vllm-router").spec as Deployment;
const pod = deployment.template.spec;
const container = pod.containers[0]!;
const servers = find(manifests, "ConfigMap", "vllm-router").data!["servers.toml"]!;
const variables = find(manifests, "Secret", "vllm-router-env").stringData!;
const peers = find(manifests, "Secret", "vllm-router-peers").stringData!;
const files = find(manifests, "Secret", "vllm-router-keys").stringData!;

Deno.test("the kustomization has every manifest, except those that not everyone needs", () => {
  const folder = new URL("../../deploy/kubernetes/", import.meta.url);
  const separate = ["kustomization.yaml", "rbac.yaml", "servicemonitor.yaml"];
  const others = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => !separate.includes(name));
  assert.deepEqual(kustomization.resources, others.toSorted());
});

Deno.test("the ConfigMap is a valid configuration without warnings, with what the Secrets have", () => {
  const { config } = checked();
  assert.equal(config.servers.length, 2);
  const names = Object.keys({ ...variables, ...peers });
  for (const name of names) assert.ok(servers.includes(`\${${name}}`), name);
  assert.deepEqual(Object.keys(files), ["keys.toml"]);
});

Deno.test("unchanged, the manifests let no client in", () => {
  const { keys, keysAreOn } = checked().config.access;
  assert.deepEqual([keysAreOn, keys], [true, []]);
});

Deno.test("the routers are peers by the Service of their admin ports, with a key that must be set", () => {
  const { sources: [source], key } = checked().config.peers!;
  assert.equal(key, PEER_KEY);
  const { metadata, spec } = find(manifests, "Service", "vllm-router-admin");
  const { port } = checked().config.access.adminListen!;
  assert.deepEqual(source!.from, {
    kind: "dns",
    name: metadata.name,
    types: ["A", "AAAA"],
    port,
    everyMs: 5_000,
  });
  const { clusterIP, publishNotReadyAddresses } = spec as Record<string, unknown>;
  assert.deepEqual([clusterIP, publishNotReadyAddresses], ["None", true]);
  assert.deepEqual(container.env, [{
    name: "PEER_KEY",
    valueFrom: { secretKeyRef: { name: "vllm-router-peers", key: "PEER_KEY" } },
  }]);
  const unchanged = configOf({ ...variables, ...peers });
  assert.ok(!unchanged.ok);
  assert.deepEqual(unchanged.problems.map(({ where }) => where), ["peers.key"]);
});

Deno.test("the admin port is for Prometheus and for the routers", () => {
  const { ingress } = find(manifests, "NetworkPolicy", "vllm-router").spec as {
    readonly ingress: readonly { readonly ports: unknown; readonly from?: unknown }[];
  };
  assert.deepEqual(ingress, [
    { ports: [{ port: "http" }] },
    {
      ports: [{ port: "admin" }],
      from: [{
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } },
      }],
    },
    {
      ports: [{ port: "admin" }],
      from: [{ podSelector: { matchLabels: deployment.template.metadata.labels } }],
    },
  ]);
});

Deno.test("the pod gets its variables and files from the ConfigMap and the Secrets", () => {
  assert.deepEqual(container.envFrom, [{ secretRef: { name: "vllm-router-env" } }]);
  const [mount] = container.volumeMounts;
  assert.deepEqual(mount, { name: "config", mountPath: "/etc/vllm-router", readOnly: true });
  const image = read("Dockerfile");
  assert.match(image, /^CMD \["run", "--config", "\/etc\/vllm-router\/servers\.toml"\]$/m);
  assert.deepEqual(pod.volumes.find(({ name }) => name === "config")!.projected!.sources, [
    { configMap: { name: "vllm-router" } },
    { secret: { name: "vllm-router-keys" } },
  ]);
});

Deno.test("each pod may write a state file, in a volume of its own", () => {
  const mount = container.volumeMounts.find(({ name }) => name === "state");
  assert.deepEqual(mount, { name: "state", mountPath: "/var/lib/vllm-router" });
  assert.deepEqual(pod.volumes.find(({ name }) => name === "state"), {
    name: "state",
    emptyDir: {},
  });
});

Deno.test("a changed configuration restarts no pod: no name and no annotation depends on it", () => {
  assert.deepEqual(Object.keys(kustomization), ["apiVersion", "kind", "resources"]);
  assert.deepEqual(Object.keys(deployment.template.metadata), ["labels"]);
  assert.doesNotMatch(read("helm/vllm-router/templates/deployment.yaml"), /sha256sum|checksum\//);
});

Deno.test("the pod has more time to stop than its hook and its drain settings together", () => {
  const { drainDelayMs, drainTimeoutMs } = checked().config.settings;
  assert.ok(drainDelayMs > 0, "connections arrive until the cluster knows that the pod stops");
  const { seconds } = container.lifecycle.preStop.sleep;
  assert.ok(seconds > 0, "the Service forgets the pod before it learns that it stops");
  assert.equal(
    pod.terminationGracePeriodSeconds,
    seconds + (drainDelayMs + drainTimeoutMs) / 1000 + 10,
  );
});

Deno.test("the ports are the router's default and that of [admin]", () => {
  const admin = checked().config.access.adminListen!;
  assert.deepEqual(container.ports, [
    { name: "http", containerPort: routerPortOption().defaultValue },
    { name: "admin", containerPort: admin.port },
  ]);
  assert.equal(admin.hostname, "0.0.0.0");
  const containerPorts = new Map(container.ports.map((port) => [port.name, port.containerPort]));
  for (const [name, port] of [["vllm-router", "http"], ["vllm-router-admin", "admin"]] as const) {
    const containerPort = containerPorts.get(port);
    const { ports } = find(manifests, "Service", name).spec as Service;
    assert.deepEqual(ports, [{ name: port, port: containerPort, targetPort: port }]);
  }
});

Deno.test("no variable of a Service is mistaken for the router's own", () => {
  const option = routerPortOption();
  const names = manifests.filter(({ kind }) => kind === "Service")
    .map(({ metadata: { name } }) => `${name.toUpperCase().replaceAll("-", "_")}_PORT`);
  assert.ok(names.includes(option.envVar!), "which is why service links are off");
  assert.equal(pod.enableServiceLinks, false);
});

Deno.test("every selector matches the pod, and the ServiceMonitor one Service", () => {
  const labels = deployment.template.metadata.labels;
  const serviceMonitor = find(manifests, "ServiceMonitor", "vllm-router").spec as {
    readonly selector: Deployment["selector"];
  };
  for (const { kind, spec } of manifests) {
    const { selector, podSelector } = (spec ?? {}) as Record<string, unknown>;
    if (kind === "ServiceMonitor") continue;
    if (kind === "Service") assert.deepEqual(selector, labels);
    else if (selector ?? podSelector) {
      assert.deepEqual(selector ?? podSelector, { matchLabels: labels }, kind);
    }
  }
  const scraped = manifests.filter(({ kind, metadata }) =>
    kind === "Service" &&
    Object.entries(serviceMonitor.selector.matchLabels)
      .every(([label, value]) => metadata.labels[label] === value)
  );
  assert.deepEqual(scraped.map(({ metadata: { name } }) => name), ["vllm-router-admin"]);
});

Deno.test("probes and Prometheus ask for what a router has, and while it stops it is alive but not ready", async () => {
  await using fleet = await startFleet({
    servers: [{}],
    settings: { drain_delay: 2 },
    tables: { admin: { listen: "127.0.0.1:0" }, auth: { api_keys: [] } },
  });
  const { router } = fleet;
  const ports: Record<string, number> = { http: router.port, admin: router.admin!.port };
  const statusOf = async ({ path, port }: { path: string; port: string }) => {
    const response = await fetch(`http://127.0.0.1:${ports[port]}${path}`);
    await response.body?.cancel();
    return response.status;
  };
  const { endpoints } = find(manifests, "ServiceMonitor", "vllm-router").spec as {
    readonly endpoints: readonly { readonly path: string; readonly port: string }[];
  };
  const live = container.livenessProbe.httpGet;
  const ready = container.readinessProbe.httpGet;
  assert.equal(endpoints.length, 1);
  for (const asked of [live, ready, ...endpoints]) assert.equal(await statusOf(asked), 200);

  const stopped = router.shutdown();
  assert.equal(await statusOf(ready), 503);
  assert.equal(await statusOf(live), 200);
  await stopped;
});

Deno.test("the pod meets the restricted Pod Security Standard, and can't use the Kubernetes API", () => {
  assert.deepEqual(pod.securityContext, {
    runAsNonRoot: true,
    seccompProfile: { type: "RuntimeDefault" },
  });
  assert.deepEqual(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  assert.equal(pod.automountServiceAccountToken, false);
  const account = find(manifests, "ServiceAccount", "vllm-router");
  assert.equal(account.automountServiceAccountToken, false);
});

Deno.test("rbac.yaml lets the pod's account read what watching a Service needs, and nothing else", () => {
  const [role, binding] = plainManifests(["rbac"]) as [Rbac, Rbac];
  const verbs = ["get", "list", "watch"];
  assert.deepEqual(role.rules, [
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs },
    { apiGroups: [""], resources: ["pods"], verbs },
  ]);
  assert.deepEqual([binding.roleRef!.kind, binding.roleRef!.name], ["Role", role.metadata.name]);
  const { name } = find(manifests, "ServiceAccount", "vllm-router").metadata;
  const subject = { kind: "ServiceAccount", name, namespace: "default" };
  assert.deepEqual(binding.subjects, [subject]);
});

Deno.test("the image has this version, in the manifests and in their description", () => {
  assert.equal(container.image, `vllm-router:${VERSION}`);
  const images = [...read("../docs/kubernetes.md").matchAll(/\/vllm-router:(\S+)/g)];
  assert.ok(images.length > 0);
  for (const [, tag] of images) assert.equal(tag, VERSION);
});

/** A key of peers, since that of the manifests is too short on purpose. */
const PEER_KEY = "a-key-of-the-routers";

function configOf(env: Readonly<Record<string, string>>) {
  return parseConfig(servers, (name) => env[name], (name) => {
    if (files[name] === undefined) throw new Error("no such file");
    return files[name];
  });
}

function checked() {
  const result = configOf({ ...variables, PEER_KEY });
  assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual(result.warnings, []);
  return result;
}
