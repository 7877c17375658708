import { unknownInKeys } from "./access.ts";
import { unknownInModelLimits } from "./token_limits.ts";
import { adminShape, authShape, corsShape, tlsShape } from "./access_schema.ts";
import { isMistakenFor, tableAt, unknownIn } from "./zod_types.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { modelsShape } from "./models_schema.ts";
import { unknownInSources } from "./discovery_schema.ts";
import {
  defaultsShape,
  discoveryShape,
  fileShape,
  serverShape,
  settingsShape,
} from "./file_schema.ts";
import { peersShape, unknownInPeerSources } from "./peers_schema.ts";
import { tracingShape } from "./tracing_schema.ts";

/** The tables that define who may use the router and how it is reached. */
const ACCESS = { auth: authShape, admin: adminShape, tls: tlsShape, cors: corsShape };

/** Keys of those tables, by the names under which they are often misplaced. */
const ACCESS_NAMES = new Map<string, string>([
  ...Object.entries(ACCESS).flatMap(([table, { shape }]) => [
    [table, `[${table}]`] as const,
    ...Object.keys(shape).map((key) => [`${table}_${key}`, `${table}.${key}`] as const),
  ]),
  ["ssl", "[tls]"],
  ["api_keys", "auth.api_keys"],
  ["api_keys_file", "auth.api_keys_file"],
  ["allow_origins", "cors.allow_origins"],
]);

/** Unknown keys of a configuration file. */
export interface UnknownKeys {
  /** Keys intended to restrict access: ignoring them would grant more access than intended. */
  readonly problems: readonly Diagnostic[];
  /** All other keys, which are ignored. */
  readonly warnings: readonly Diagnostic[];
}

/** Finds the unknown keys of a parsed file, even if the file is otherwise invalid. */
export function unknownKeys(raw: unknown): UnknownKeys {
  const file = tableAt(raw);
  const problems = Object.entries(ACCESS).flatMap(([table, { shape }]) =>
    unknownIn(tableAt(file, table), shape, `${table}.`, "unknown key")
  );
  const auth = tableAt(file, "auth");
  problems.push(...unknownInKeys(auth["api_keys"], "auth.api_keys"));
  problems.push(...unknownInModelLimits(auth, "auth."));
  const warnings = rawServers(raw).flatMap((server, index) =>
    unknownIn(server, serverShape.shape, `servers.servers[${index}].`)
  );
  for (const [index, entry] of rawDiscoveries(raw).entries()) {
    const at = `discovery[${index}].`;
    warnings.push(
      ...unknownIn(entry, discoveryShape.shape, at),
      ...unknownIn(tableAt(entry, "defaults"), defaultsShape.shape, `${at}defaults.`),
      ...unknownInSources(entry, at),
    );
  }
  warnings.push(...unknownInPeerSources(tableAt(file, "peers")));
  for (
    const [table, shape, prefix] of [
      [file, fileShape.shape, ""],
      [tableAt(file, "servers"), fileShape.shape.servers.shape, "servers."],
      [tableAt(file, "config"), settingsShape.shape, "config."],
      [tableAt(file, "models"), modelsShape.shape, "models."],
      [tableAt(file, "tracing"), tracingShape.shape, "tracing."],
      [tableAt(file, "peers"), peersShape.shape, "peers."],
    ] as const
  ) {
    for (const unknown of unknownIn(table, shape, prefix)) {
      const place = placeOfAccess(unknown.where.slice(prefix.length), Object.keys(shape));
      if (place === undefined) warnings.push(unknown);
      else problems.push({ where: unknown.where, what: `unknown key; did you mean ${place}?` });
    }
  }
  return { problems, warnings };
}

/** Returns the tables of `servers.servers` as written, valid or not. */
export function rawServers(raw: unknown): Record<string, unknown>[] {
  const servers = tableAt(tableAt(raw), "servers")["servers"];
  return Array.isArray(servers) ? servers.map((server) => tableAt(server)) : [];
}

/** Returns the entries of `discovery` as written, valid or not. */
export function rawDiscoveries(raw: unknown): Record<string, unknown>[] {
  const entries = tableAt(raw)["discovery"];
  return Array.isArray(entries) ? entries.map((entry) => tableAt(entry)) : [];
}

/** Returns where a key that was intended to restrict access belongs; `undefined` for others. */
function placeOfAccess(key: string, known: readonly string[]): string | undefined {
  const others = known.filter((name) => !ACCESS_NAMES.has(name));
  if (others.some((name) => isMistakenFor(key, name))) return undefined;
  for (const [name, place] of ACCESS_NAMES) if (isMistakenFor(key, name)) return place;
  return undefined;
}
