import type { ServerConfig } from "./config.ts";
import { expandEnv, keyIn, type References } from "./references.ts";
import { shown } from "./zod_types.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { clientCertificateIn, isHost, proxyIn, trustIn } from "./route.ts";
import type { RawDefaults } from "./file_schema.ts";

/**
 * Converts a validated server.
 *
 * @param at the key path of its table
 * @param proxyOfAll the proxy of servers that name none
 */
export function toServer(
  server: RawDefaults,
  at: string,
  { url, name, apiKey }: Pick<ServerConfig, "url" | "name"> & {
    readonly apiKey: string | undefined;
  },
  outside: References,
  problems: Diagnostic[],
  proxyOfAll: string | undefined,
): ServerConfig {
  const clientCertificate = clientCertificateIn(server, at, outside, problems);
  const proxy = server.proxy === undefined
    ? proxyOfAll
    : proxyIn(server.proxy, `${at}.proxy`, outside, problems);
  const trust = trustIn(server, { at, url, proxy }, outside, problems);
  return {
    url,
    name,
    capacity: server.max_concurrent_requests,
    ...(apiKey !== undefined && { apiKey }),
    ...trust,
    ...(server.engine !== undefined && { engine: server.engine }),
    ...(server.health_path !== undefined && { healthPath: server.health_path }),
    ...(clientCertificate && { clientCertificate }),
    ...(proxy !== undefined && { proxy }),
    ...(server.models && { models: server.models }),
    ...(server.priority_scheduling && { schedulesByPriority: true }),
  };
}

/** Returns each server's normalised base URL, or `undefined` after reporting a problem. */
export function checkAddresses(
  servers: readonly Record<string, unknown>[],
  outside: References,
  problems: Diagnostic[],
): (string | undefined)[] {
  const firstUse = new Map<string, number>();
  return servers.map(({ url }, index) => {
    if (typeof url !== "string" || url.trim() === "") return undefined;
    const where = `servers.servers[${index}].url`;
    const before = problems.length;
    const expanded = expandEnv(url, where, outside, problems);
    if (problems.length > before) return undefined;
    const address = baseAddress(expanded);
    const first = address === undefined ? undefined : firstUse.get(address);
    if (address === undefined) {
      // It may contain a password, so it is not shown.
      const got = expanded.includes("@") ? "one with a user or password" : shown(expanded.trim());
      problems.push({
        where,
        what: `expected an address such as http://gpu-server-1:8081, got ${got}`,
      });
    } else if (first === undefined) {
      firstUse.set(address, index);
    } else {
      problems.push({
        where,
        what: `${shown(expanded.trim())} is the same server as servers.servers[${first}]`,
      });
    }
    return address;
  });
}

/**
 * Normalises a base URL: `http://host:1/v1/` becomes `http://host:1`.
 *
 * @returns `undefined` if it isn't a valid base URL
 */
export function baseAddress(written: string): string | undefined {
  const url = URL.parse(written.trim());
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  if (url.username || url.password || url.search || url.hash) return undefined;
  if (!isHost(url.hostname)) return undefined;
  return url.origin + url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "").replace(/\/+$/, "");
}

/** Returns an address without its scheme, the name of a server that has none. */
export function hostOf(url: string): string {
  return url.replace(/^https?:\/\//, "");
}

/**
 * Returns each server's name: the configured one, else the address without its scheme, or the full
 * address if another server has that name. Names identify servers in logs and metrics, so a
 * duplicate is a problem.
 *
 * @param addresses base URLs; `undefined` for servers with a reported problem
 */
export function checkNames(
  servers: readonly Record<string, unknown>[],
  addresses: readonly (string | undefined)[],
  problems: Diagnostic[],
): (string | undefined)[] {
  const given = servers.map(({ name }) => typeof name === "string" ? name : undefined);
  const preferred = given.map((name, i) => name ?? (addresses[i] && hostOf(addresses[i])));
  const isTaken = (i: number) =>
    preferred.indexOf(preferred[i]) !== preferred.lastIndexOf(preferred[i]);
  const names = given.map((name, i) => name ?? (isTaken(i) ? addresses[i] : preferred[i]));
  names.forEach((name, i) => {
    const first = names.indexOf(name);
    const isDuplicate = addresses[i] !== undefined && addresses.indexOf(addresses[i]) < i;
    if (name === undefined || first === i || isDuplicate) return;
    problems.push({
      where: `servers.servers[${i}].name`,
      what: `expected a unique name, got ${shown(name)}, the name of servers.servers[${first}]`,
    });
  });
  return names;
}

/** Returns each server's API key with its variables expanded, or `undefined` if it has none. */
export function checkKeys(
  servers: readonly Record<string, unknown>[],
  outside: References,
  problems: Diagnostic[],
): (string | undefined)[] {
  return servers.map(({ api_key: key }, index) =>
    typeof key === "string" && key.trim() !== ""
      ? keyIn(key, `servers.servers[${index}].api_key`, outside, problems)
      : undefined
  );
}
