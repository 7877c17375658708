import { unknownInKeys } from "./access.ts";
import { adminShape, authShape, corsShape, tlsShape } from "./access_schema.ts";
import { isMistakenFor, tableAt, unknownIn } from "./zod_types.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { fileShape, serverShape, settingsShape } from "./file_schema.ts";

/** The tables that say who may use the router and how it is reached. */
const ACCESS = { auth: authShape, admin: adminShape, tls: tlsShape, cors: corsShape };

/** What belongs in those tables, by the names it is found under elsewhere. */
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

/** Keys of a configuration file that mean nothing. */
export interface UnknownKeys {
  /** Those that were meant to restrict access: ignoring them would let in more than was meant. */
  readonly problems: readonly Diagnostic[];
  /** All others, which are ignored. */
  readonly warnings: readonly Diagnostic[];
}

/** Finds the unknown keys of a parsed file, whatever else it holds. */
export function unknownKeys(raw: unknown): UnknownKeys {
  const file = tableAt(raw);
  const problems = Object.entries(ACCESS).flatMap(([table, { shape }]) =>
    unknownIn(tableAt(file, table), shape, `${table}.`, "unknown key")
  );
  problems.push(...unknownInKeys(tableAt(file, "auth")["api_keys"], "auth.api_keys"));
  const warnings = rawServers(raw).flatMap((server, index) =>
    unknownIn(server, serverShape.shape, `servers.servers[${index}].`)
  );
  for (
    const [table, shape, prefix] of [
      [file, fileShape.shape, ""],
      [tableAt(file, "servers"), fileShape.shape.servers.shape, "servers."],
      [tableAt(file, "config"), settingsShape.shape, "config."],
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

/** The tables of `servers.servers` as they were written, whatever they hold. */
export function rawServers(raw: unknown): Record<string, unknown>[] {
  const servers = tableAt(tableAt(raw), "servers")["servers"];
  return Array.isArray(servers) ? servers.map((server) => tableAt(server)) : [];
}

/** Where a key belongs that was meant to restrict access; `undefined` where it was not. */
function placeOfAccess(key: string, known: readonly string[]): string | undefined {
  const others = known.filter((name) => !ACCESS_NAMES.has(name));
  if (others.some((name) => isMistakenFor(key, name))) return undefined;
  for (const [name, place] of ACCESS_NAMES) if (isMistakenFor(key, name)) return place;
  return undefined;
}
