import { toAccess } from "./access.ts";
import type { Config } from "./config.ts";
import { diagnosticsIn } from "./zod_errors.ts";
import type { References } from "./references.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { proxyIn, warningsOfTrust } from "./route.ts";
import { checkAddresses, checkKeys, checkNames, toServers } from "./servers.ts";
import { toSettings } from "./settings.ts";
import { fileShape } from "./file_schema.ts";
import { rawServers, unknownKeys } from "./unknown_keys.ts";

export type { Diagnostic } from "./diagnostic.ts";

/** A usable configuration, or every problem that keeps it from being one; warnings with either. */
export type Checked =
  & { readonly warnings: readonly Diagnostic[] }
  & (
    | { readonly ok: true; readonly config: Config }
    | { readonly ok: false; readonly problems: readonly Diagnostic[] }
  );

/**
 * Checks a parsed configuration file and reports every problem at once.
 * Unknown keys are warnings that name a known key that is close; those that seem meant to restrict
 * access are problems.
 */
export function checkConfig(
  raw: unknown,
  env: References["env"],
  file: References["file"] = noFiles,
): Checked {
  const outside = { env, file };
  const parsed = fileShape.safeParse(raw);
  const unknown = unknownKeys(raw);
  const { warnings } = unknown;
  const problems = [...diagnosticsIn(parsed.error, ""), ...unknown.problems];
  // Looked at as written, so that these problems are told beside those of the schema.
  const written = rawServers(raw);
  const addresses = checkAddresses(written, outside, problems);
  const keys = checkKeys(written, outside, problems);
  const names = checkNames(written, addresses, problems);
  if (!parsed.success) return { ok: false, problems, warnings };
  const { data } = parsed;
  const proxy = proxyIn(data.config.proxy, "config.proxy", outside, problems);
  const config: Config = {
    servers: toServers(data.servers.servers, addresses, names, keys, outside, problems, proxy),
    settings: toSettings(data.config),
    access: toAccess(data, outside, problems),
  };
  if (problems.length > 0) return { ok: false, problems, warnings };
  return { ok: true, config, warnings: [...warnings, ...warningsOfTrust(config.servers)] };
}

function noFiles(): never {
  throw new Error("can't be read here: no files are");
}
