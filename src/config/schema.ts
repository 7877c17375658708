import { closest } from "fastest-levenshtein";
import type { Config, ServerConfig } from "./config.ts";
import { toSettings } from "./settings.ts";
import { fileShape, serverShape, settingsShape, shown } from "./shape.ts";

/** Something to tell the operator: where it stands and what is the matter. */
export interface Problem {
  /** Key path such as `servers.servers[1].url`, or `line 3, column 7`. */
  readonly where: string;
  /** What is the matter and what was expected. */
  readonly what: string;
}

/** A usable configuration, or every problem that keeps it from being one; warnings with either. */
export type Checked =
  & { readonly warnings: readonly Problem[] }
  & (
    | { readonly ok: true; readonly config: Config }
    | { readonly ok: false; readonly problems: readonly Problem[] }
  );

/** Looks up an environment variable, for `${NAME}` in keys. */
export type ReadEnv = (name: string) => string | undefined;

/**
 * Checks a parsed configuration file and reports every problem at once.
 * Unknown keys are warnings that name the nearest known key.
 */
export function checkConfig(raw: unknown, readEnv: ReadEnv): Checked {
  const parsed = fileShape.safeParse(raw);
  const problems: Problem[] = (parsed.error?.issues ?? []).map((issue) => ({
    where: keyPath(issue.path),
    what: issue.message,
  }));
  const warnings = unknownKeys(raw);
  // Looked at as written, so that these problems are told beside those of the schema.
  const written = rawServers(raw);
  const addresses = checkAddresses(written, problems);
  const keys = written.map((server, index) => expandEnv(server, index, readEnv, problems));
  if (!parsed.success || problems.length > 0) return { ok: false, problems, warnings };

  const servers = parsed.data.servers.servers.map((server, index): ServerConfig => {
    const url = addresses[index]!;
    const apiKey = keys[index];
    return {
      url,
      name: server.name ?? url.replace(/^https?:\/\//, ""),
      capacity: server.max_concurrent_requests,
      ...(apiKey !== undefined && { apiKey }),
      ...(server.models && { models: server.models }),
    };
  });
  return { ok: true, config: { servers, settings: toSettings(parsed.data.config) }, warnings };
}

function keyPath(path: readonly PropertyKey[]): string {
  const keys = path.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`);
  return keys.join("").replace(/^\./, "") || "the file";
}

/** The tables of `servers.servers` as they were written, whatever they hold. */
function rawServers(raw: unknown): Record<string, unknown>[] {
  const servers = tableAt(tableAt(raw), "servers")["servers"];
  return Array.isArray(servers) ? servers.map((server) => tableAt(server)) : [];
}

/** A value, or what it holds under a key, as a table; empty where it is none. */
function tableAt(value: unknown, key?: string): Record<string, unknown> {
  const at = key === undefined ? value : (value as Record<string, unknown>)[key];
  return typeof at === "object" && at !== null && !Array.isArray(at)
    ? at as Record<string, unknown>
    : {};
}

/** The normalised base address of every server; `undefined` where there is a problem. */
function checkAddresses(
  servers: readonly Record<string, unknown>[],
  problems: Problem[],
): (string | undefined)[] {
  const firstUse = new Map<string, number>();
  return servers.map(({ url }, index) => {
    if (typeof url !== "string" || url.trim() === "") return undefined;
    const where = `servers.servers[${index}].url`;
    const address = baseAddress(url);
    const first = address === undefined ? undefined : firstUse.get(address);
    if (address === undefined) {
      // What may hold a password is not repeated.
      const got = url.includes("@") ? "one with a user or password" : shown(url);
      problems.push({
        where,
        what: `expected an address such as http://gpu-server-1:8081, got ${got}`,
      });
    } else if (first === undefined) {
      firstUse.set(address, index);
    } else {
      problems.push({
        where,
        what: `${shown(url)} is the same server as servers.servers[${first}]`,
      });
    }
    return address;
  });
}

/** `http://host:1/v1/` becomes `http://host:1`; anything that is no base address `undefined`. */
export function baseAddress(written: string): string | undefined {
  const url = URL.parse(written.trim());
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  if (url.username || url.password || url.search || url.hash) return undefined;
  return url.origin + url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "").replace(/\/+$/, "");
}

function expandEnv(
  server: Record<string, unknown>,
  index: number,
  readEnv: ReadEnv,
  problems: Problem[],
): string | undefined {
  if (typeof server.api_key !== "string") return undefined;
  return server.api_key.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = /^[A-Za-z_]\w*$/.test(name) ? readEnv(name) : undefined;
    if (!value) {
      problems.push({
        where: `servers.servers[${index}].api_key`,
        what: `the environment variable ${shown(name)} is not set`,
      });
    }
    return value ?? "";
  });
}

function unknownKeys(raw: unknown): Problem[] {
  const within = (value: Record<string, unknown>, known: object, prefix: string): Problem[] => {
    const names = Object.keys(known);
    return Object.keys(value).filter((key) => !names.includes(key)).map((key) => ({
      where: prefix + key,
      what: `unknown key, ignored; did you mean ${closest(key, names)}?`,
    }));
  };
  const file = tableAt(raw);
  return [
    ...within(file, fileShape.shape, ""),
    ...within(tableAt(file, "servers"), fileShape.shape.servers.shape, "servers."),
    ...rawServers(raw).flatMap((server, index) =>
      within(server, serverShape.shape, `servers.servers[${index}].`)
    ),
    ...within(tableAt(file, "config"), settingsShape.shape, "config."),
  ];
}
