import { toAccess, unknownInKeys } from "./access.ts";
import { adminShape, authShape, corsShape, tlsShape } from "./access_shape.ts";
import type { Config } from "./config.ts";
import { problemsIn } from "./issues.ts";
import type { Outside } from "./outside.ts";
import type { Problem } from "./problem.ts";
import { checkAddresses, checkKeys, toServers } from "./servers.ts";
import { toSettings } from "./settings.ts";
import { fileShape, serverShape, settingsShape } from "./shape.ts";
import { tableAt, unknownIn } from "./parts.ts";

export type { Problem } from "./problem.ts";

/** A usable configuration, or every problem that keeps it from being one; warnings with either. */
export type Checked =
  & { readonly warnings: readonly Problem[] }
  & (
    | { readonly ok: true; readonly config: Config }
    | { readonly ok: false; readonly problems: readonly Problem[] }
  );

/**
 * Checks a parsed configuration file and reports every problem at once.
 * Unknown keys are warnings that name a known key that is close.
 */
export function checkConfig(
  raw: unknown,
  env: Outside["env"],
  file: Outside["file"] = noFiles,
): Checked {
  const outside = { env, file };
  const parsed = fileShape.safeParse(raw);
  const problems = problemsIn(parsed.error, "");
  const warnings = unknownKeys(raw);
  // A limit that is misspelt is none, and keys that are let everybody in.
  problems.push(...unknownKeysOfAuth(raw));
  // Looked at as written, so that these problems are told beside those of the schema.
  const written = rawServers(raw);
  const addresses = checkAddresses(written, problems);
  const keys = checkKeys(written, outside, problems);
  if (!parsed.success) return { ok: false, problems, warnings };
  const config: Config = {
    servers: toServers(parsed.data.servers.servers, addresses, keys, outside, problems),
    settings: toSettings(parsed.data.config),
    access: toAccess(parsed.data, outside, problems),
  };
  return problems.length > 0 ? { ok: false, problems, warnings } : { ok: true, config, warnings };
}

function noFiles(): never {
  throw new Error("can't be read here: no files are");
}

/** The tables of `servers.servers` as they were written, whatever they hold. */
function rawServers(raw: unknown): Record<string, unknown>[] {
  const servers = tableAt(tableAt(raw), "servers")["servers"];
  return Array.isArray(servers) ? servers.map((server) => tableAt(server)) : [];
}

function unknownKeysOfAuth(raw: unknown): Problem[] {
  const file = tableAt(raw);
  return [
    ...unknownIn(tableAt(file, "auth"), authShape.shape, "auth.", "unknown key"),
    ...unknownInKeys(tableAt(file, "auth")["api_keys"], "auth.api_keys"),
  ];
}

function unknownKeys(raw: unknown): Problem[] {
  const file = tableAt(raw);
  return [
    ...unknownIn(file, fileShape.shape, ""),
    ...unknownIn(tableAt(file, "servers"), fileShape.shape.servers.shape, "servers."),
    ...rawServers(raw).flatMap((server, index) =>
      unknownIn(server, serverShape.shape, `servers.servers[${index}].`)
    ),
    ...unknownIn(tableAt(file, "config"), settingsShape.shape, "config."),
    ...unknownIn(tableAt(file, "admin"), adminShape.shape, "admin."),
    ...unknownIn(tableAt(file, "tls"), tlsShape.shape, "tls."),
    ...unknownIn(tableAt(file, "cors"), corsShape.shape, "cors."),
  ];
}
