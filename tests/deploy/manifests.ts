import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/file/load.ts";
import { sampleVariable } from "../docs/samples.ts";

/** What the tests read of a manifest, of whatever kind. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Labels };
  /** Of a ConfigMap. */
  readonly data?: Readonly<Record<string, string>>;
  /** Of a Secret. */
  readonly stringData?: Readonly<Record<string, string>>;
  readonly automountServiceAccountToken?: boolean;
  readonly spec?: unknown;
}

export type Labels = Readonly<Record<string, string>>;

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface Container {
  readonly image: string;
  readonly imagePullPolicy: string;
  readonly envFrom?: readonly unknown[];
  readonly env?: readonly unknown[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly resources: unknown;
  readonly securityContext: unknown;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly securityContext: unknown;
  readonly containers: readonly Container[];
  readonly volumes: readonly {
    readonly name: string;
    readonly projected?: { readonly sources: readonly unknown[] };
  }[];
}

export interface Deployment {
  readonly replicas: number;
  readonly selector: { readonly matchLabels: Labels };
  readonly template: { readonly metadata: { readonly labels: Labels }; readonly spec: Pod };
}

export interface Service {
  readonly selector: Labels;
  readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
}

const DEPLOY = new URL("../../deploy/", import.meta.url);

/** The text of a file in `deploy/`. */
export function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, DEPLOY));
}

/** The documents of a YAML text. Fails if it is not valid YAML. */
export function documentsIn(text: string): unknown[] {
  return parseAllDocuments(text).map((document) => {
    assert.deepEqual([...document.errors, ...document.warnings], [], text);
    return document.toJS();
  }).filter((document) => document !== null);
}

/** Finds one manifest by kind and name. */
export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.filter((manifest) =>
    manifest.kind === kind && manifest.metadata.name === name
  );
  assert.equal(found.length, 1, `${kind} ${name}`);
  return found[0]!;
}

/** The manifests in files of `deploy/kubernetes`, given by name. */
export function plainManifests(names: readonly string[]): Manifest[] {
  return names.flatMap((name) => documentsIn(read(`kubernetes/${name}.yaml`))) as Manifest[];
}

/** The names of the files whose manifests the chart has as well: all but the Secrets. */
export const IN_CHART = [
  "configmap",
  "deployment",
  "networkpolicy",
  "poddisruptionbudget",
  "service",
  "serviceaccount",
  "servicemonitor",
];

/** What a `servers.toml` in a ConfigMap means. Fails if it is invalid or has warnings. */
export function configIn(text: string): Config {
  const checked = parseConfig(text, sampleVariable, () => "api_keys = []");
  assert.ok(checked.ok, JSON.stringify(checked));
  assert.deepEqual(checked.warnings, []);
  return checked.config;
}
