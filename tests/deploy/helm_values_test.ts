import assert from "node:assert/strict";
import { adminShape, authShape, corsShape, tlsShape } from "../../src/config/access_schema.ts";
import { kubernetesShape } from "../../src/config/kubernetes_schema.ts";
import {
  discoveryShape,
  fileShape,
  listenerShape,
  serverShape,
  settingsShape,
} from "../../src/config/file_schema.ts";
import { modelsShape } from "../../src/config/models_schema.ts";
import { tracingShape } from "../../src/config/tracing_schema.ts";
import { VERSION } from "../../src/version.ts";
import {
  configIn,
  type Deployment,
  documentsIn,
  find,
  IN_CHART,
  plainManifests,
  read,
} from "./manifests.ts";

/** A JSON schema, as far as the tests read it. */
interface Schema {
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

type Table = Readonly<Record<string, unknown>>;

const [values] = documentsIn(read("helm/vllm-router/values.yaml")) as [Table];
const schema: Schema = JSON.parse(read("helm/vllm-router/values.schema.json"));
const plain = plainManifests(IN_CHART);

Deno.test("the chart and its router have this version", () => {
  const [chart] = documentsIn(read("helm/vllm-router/Chart.yaml")) as [Table];
  assert.deepEqual([chart.version, chart.appVersion], [VERSION, VERSION]);
});

Deno.test("the schema of the chart's values has every value, and no other", () => {
  const compare = (value: unknown, schema: Schema, where: string) => {
    if (!schema.properties) return;
    assert.equal(schema.additionalProperties, false, where);
    if (Object.keys(value as Table).length === 0) return;
    for (const [key, inner] of Object.entries(value as Table)) {
      assert.ok(schema.properties[key], `${where}.${key} is not in the schema`);
      compare(inner, schema.properties[key], `${where}.${key}`);
    }
    // values.yaml has only two settings, on which the grace period depends.
    if (where === "values.config") return;
    const known = Object.keys(schema.properties).filter((key) => key !== "global");
    assert.deepEqual(known.sort(), Object.keys(value as Table).sort(), where);
  };
  compare(values, schema, "values");
});

Deno.test("the schema of the chart's values has every key of servers.toml", () => {
  const shapes = {
    config: settingsShape,
    auth: authShape,
    models: modelsShape,
    cors: corsShape,
    tls: tlsShape,
    server: listenerShape,
    tracing: tracingShape,
  };
  // The chart's own: the list of servers, the address that its Service and probes use, and how the
  // routers find each other.
  const tables = Object.keys(fileShape.shape).filter((name) =>
    !["servers", "discovery", "admin", "peers"].includes(name)
  );
  assert.deepEqual(Object.keys(shapes).sort(), tables.sort());
  const keysOf = (of: Schema | undefined) => Object.keys(of?.properties ?? {}).sort();
  for (const [table, { shape }] of Object.entries(shapes)) {
    assert.deepEqual(keysOf(schema.properties![table]), Object.keys(shape).sort(), table);
  }
  const admin = Object.keys(adminShape.shape).filter((key) => key !== "listen");
  assert.deepEqual(keysOf(schema.properties!.admin), admin.sort());
  const server = schema.properties!.servers!.items;
  assert.deepEqual(keysOf(server), Object.keys(serverShape.shape).sort());
  const source = schema.properties!.discovery!.items;
  assert.deepEqual(keysOf(source), Object.keys(discoveryShape.shape).sort());
  const { kubernetes } = source!.properties!;
  assert.deepEqual(keysOf(kubernetes), Object.keys(kubernetesShape.shape).sort());
});

Deno.test("the chart's defaults are what the manifests say", () => {
  const deployment = find(plain, "Deployment", "vllm-router").spec as Deployment;
  const pod = deployment.template.spec;
  const [container] = pod.containers;
  const specOf = (kind: string) => find(plain, kind, "vllm-router").spec as Table;
  const [, admin] = specOf("NetworkPolicy").ingress as Table[];
  const { type, sessionAffinity, ports: [port] } = specOf("Service") as Table & { ports: Table[] };
  const [{ interval, scrapeTimeout }] = specOf("ServiceMonitor").endpoints as [Table];
  const { livenessProbe, readinessProbe, resources, securityContext } = container!;
  const [repository] = container!.image.split(":");
  const servers = find(plain, "ConfigMap", "vllm-router").data!;
  const { drainDelayMs, drainTimeoutMs } = configIn(servers["servers.toml"]!).settings;
  const said = {
    replicaCount: deployment.replicas,
    image: { repository, tag: "", pullPolicy: container!.imagePullPolicy },
    preStopSleepSeconds: container!.lifecycle.preStop.sleep.seconds,
    config: { drain_delay: drainDelayMs / 1000, drain_timeout: drainTimeoutMs / 1000 },
    service: { type, sessionAffinity, port: port!.port, annotations: {} },
    serviceMonitor: { enabled: false, labels: {}, interval, scrapeTimeout },
    networkPolicy: { enabled: true, adminFrom: admin!.from },
    podDisruptionBudget: {
      enabled: true,
      maxUnavailable: specOf("PodDisruptionBudget").maxUnavailable,
    },
    podSecurityContext: pod.securityContext,
    ...{ livenessProbe, readinessProbe, resources, securityContext },
  };
  for (const [key, value] of Object.entries(said)) assert.deepEqual(values[key], value, key);
});
