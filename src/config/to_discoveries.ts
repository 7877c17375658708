import type { Diagnostic } from "./diagnostic.ts";
import type { Discovery, DnsLookup, ServerDefaults } from "./discovery.ts";
import { ADDED } from "./added_server.ts";
import { addressIn } from "./access_schema.ts";
import { type RawDns, sourceShapes } from "./discovery_schema.ts";
import { kubernetesIn, type RawKubernetes } from "./kubernetes_schema.ts";
import { keyIn, type References } from "./references.ts";
import type { RawDiscovery } from "./file_schema.ts";
import { toServer } from "./servers.ts";
import { shown } from "./zod_types.ts";

/** Converts the validated entries of `discovery`. */
export function toDiscoveries(
  entries: readonly RawDiscovery[],
  outside: References,
  problems: Diagnostic[],
  proxyOfAll: string | undefined,
): Discovery[] {
  const firstUse = new Map<string, number>();
  return entries.flatMap((entry, index) => {
    const at = `discovery[${index}]`;
    const from = sourceIn(entry, at, outside, problems);
    if (!from) return [];
    const name = entry.name ?? nameOf(entry);
    const first = firstUse.get(name);
    if (name === ADDED) {
      const what = `expected another name, got "${ADDED}", the source of servers added by the API`;
      problems.push({ where: `${at}.name`, what });
    }
    if (first === undefined) firstUse.set(name, index);
    else {
      const what = `expected a unique name, got ${shown(name)}, the name of discovery[${first}]`;
      problems.push({ where: `${at}.name`, what });
    }
    return { name, from, scheme: entry.scheme, defaults: defaultsIn(entry, at) };
  });

  function defaultsIn({ defaults: raw, scheme }: RawDiscovery, at: string): ServerDefaults {
    const where = `${at}.defaults`;
    const apiKey = raw.api_key === undefined
      ? undefined
      : keyIn(raw.api_key, `${where}.api_key`, outside, problems);
    const any = { url: `${scheme}://server`, name: "", apiKey };
    const { url: _, name: __, ...defaults } = toServer(
      raw,
      where,
      any,
      outside,
      problems,
      proxyOfAll,
    );
    return defaults;
  }
}

/** Returns the one source of an entry, or `undefined` after reporting a problem. */
function sourceIn(
  { dns, files, kubernetes, ...entry }: RawDiscovery,
  at: string,
  { resolve }: References,
  problems: Diagnostic[],
): Discovery["from"] | undefined {
  const kinds = Object.keys(sourceShapes);
  const given = kinds.filter((kind) => ({ dns, files, kubernetes, ...entry })[kind] !== undefined);
  if (given.length !== 1) {
    const got = given.length === 0 ? "none" : given.join(" and ");
    problems.push({ where: at, what: `expected exactly one of ${kinds.join(", ")}, got ${got}` });
    return undefined;
  }
  if (dns) return dnsIn(dns, at, problems);
  if (kubernetes) return kubernetesIn(kubernetes, at, { resolve }, problems);
  return { kind: "files", patterns: files!.map(resolve) };
}

/** Converts a validated `dns`. */
export function dnsIn(
  { name, type, port, every, resolver }: RawDns,
  at: string,
  problems: Diagnostic[],
): DnsLookup {
  const server = resolver === undefined ? undefined : addressIn(resolver);
  if (port === undefined && type !== "SRV") {
    problems.push({ where: `${at}.dns.port`, what: "expected a port, got nothing" });
  }
  return {
    kind: "dns",
    name,
    types: type === undefined ? ["A", "AAAA"] : [type],
    ...(port !== undefined && { port }),
    everyMs: every * 1000,
    ...(server && { resolver: { ipAddr: server.hostname, port: server.port } }),
  };
}

/** Names a source by what it reads. */
export function nameOf(
  { dns, files, kubernetes }: Pick<RawDiscovery, "dns" | "files"> & {
    readonly kubernetes?: Pick<RawKubernetes, "namespace" | "service"> | undefined;
  },
): string {
  if (dns) return `dns ${dns.name}`;
  if (kubernetes) {
    const { namespace, service } = kubernetes;
    return `kubernetes ${namespace === undefined ? "" : `${namespace}/`}${service}`;
  }
  const [first = "", ...others] = files ?? [];
  return `files ${first}${others.length > 0 ? ` and ${others.length} more` : ""}`;
}
