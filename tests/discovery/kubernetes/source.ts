import type { KubernetesService } from "../../../src/config/discovery.ts";
import {
  type KubernetesOptions,
  startKubernetes,
} from "../../../src/discovery/kubernetes/kubernetes.ts";
import type { DiscoveredServer } from "../../../src/discovery/source.ts";
import { type KubernetesApi } from "../../support/kubernetes_api.ts";
import { until } from "../../support/until.ts";

/** A source that runs, with what it has reported. */
export interface Watched extends AsyncDisposable {
  /** The servers it reported last. */
  servers(): readonly DiscoveredServer[] | undefined;
  /** Everything it reported, in order: a list of hosts, or a reason. */
  readonly reports: (readonly string[] | string)[];
  readonly warnings: readonly string[];
  /** Waits until the servers are these hosts, `-` before those that drain. */
  untilServers(...hosts: readonly string[]): Promise<unknown>;
  /** Waits until a failure was reported last, and returns its reason. */
  untilFailure(pattern: RegExp): Promise<unknown>;
}

/** Starts a source that watches the Service `vllm` in the namespace `llm`. */
export function watch(
  api: Pick<KubernetesApi, "url">,
  service: Partial<KubernetesService> = {},
  options: KubernetesOptions = {},
): Watched {
  const reports: (readonly string[] | string)[] = [];
  const warnings: string[] = [];
  let servers: readonly DiscoveredServer[] | undefined;
  const from = {
    ...{ kind: "kubernetes", service: "vllm", namespace: "llm" } as const,
    ...{ annotations: false, apiServer: api.url },
    ...service,
  };
  const entry = { scheme: "http", defaults: { capacity: 8 } } as const;
  const source = startKubernetes(from, entry, { env: () => undefined, ...options })({
    onServers(now) {
      servers = now;
      reports.push(hostsOf(now));
    },
    onFailure: (reason) => void reports.push(reason),
    onWarning: (text) => void warnings.push(text),
  });
  return {
    reports,
    warnings,
    servers: () => servers,
    untilServers: (...hosts) =>
      until(`the servers are ${hosts.slice(0, 5)}`, () => {
        const last = reports.findLast((report) => typeof report !== "string");
        return last !== undefined && String(last) === String([...hosts].sort());
      }),
    untilFailure: (pattern) =>
      until(`it fails with ${pattern}`, () => pattern.test(String(reports.at(-1)))),
    [Symbol.asyncDispose]: () => source.stop(),
  };
}

function hostsOf(servers: readonly DiscoveredServer[]): string[] {
  return servers.map(({ config, draining }) =>
    (draining ? "-" : "") + config.url.replace(/^http:\/\/(.*):8000$/, "$1")
  ).sort();
}
