import { toAccess } from "./access.ts";
import type { Config } from "./config.ts";
import { diagnosticsIn } from "./zod_errors.ts";
import type { References } from "./references.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { proxyIn, warningsOfTrust } from "./route.ts";
import { checkAddresses, checkKeys, checkNames, toServer } from "./servers.ts";
import { toDiscoveries } from "./to_discoveries.ts";
import { toPeers } from "./peers.ts";
import { toModelNames } from "./models_schema.ts";
import { toSettings } from "./settings.ts";
import { toTracing } from "./tracing.ts";
import { discoveringFileShape, fileShape } from "./file_schema.ts";
import { tableAt } from "./zod_types.ts";
import { rawDiscoveries, rawServers, unknownKeys } from "./unknown_keys.ts";

export type { Diagnostic } from "./diagnostic.ts";

/** A valid configuration or all of its problems, with warnings in either case. */
export type Checked =
  & { readonly warnings: readonly Diagnostic[] }
  & (
    | { readonly ok: true; readonly config: Config }
    | { readonly ok: false; readonly problems: readonly Diagnostic[] }
  );

/**
 * Checks a parsed configuration file and reports every problem at once. An unknown key is a warning
 * that suggests a similar known key, or a problem if it appears intended to restrict access.
 */
export function checkConfig(
  raw: unknown,
  env: References["env"],
  file: References["file"] = noFiles,
  resolve: References["resolve"] = (name) => name,
): Checked {
  const outside = { env, file, resolve };
  const shape = mayHaveNoServers(raw) ? discoveringFileShape : fileShape;
  const parsed = shape.safeParse(raw);
  const unknown = unknownKeys(raw);
  const warnings = [...unknown.warnings];
  const problems = [...diagnosticsIn(parsed.error, ""), ...unknown.problems];
  // Checked before validation, so that these problems are reported together with the schema's.
  const written = rawServers(raw);
  const addresses = checkAddresses(written, outside, problems);
  const keys = checkKeys(written, outside, problems);
  const names = checkNames(written, addresses, problems);
  if (!parsed.success) return { ok: false, problems, warnings };
  const { data } = parsed;
  const proxy = proxyIn(data.config.proxy, "config.proxy", outside, problems);
  const tracing = toTracing(data.tracing, outside, problems, warnings);
  const peers = toPeers(data.peers, data.admin.listen, outside, problems);
  const config: Config = {
    servers: data.servers.servers.map((server, index) => {
      const [url = "", name = ""] = [addresses[index], names[index]];
      const at = `servers.servers[${index}]`;
      return toServer(server, at, { url, name, apiKey: keys[index] }, outside, problems, proxy);
    }),
    discovery: toDiscoveries(data.discovery, outside, problems, proxy),
    ...(proxy !== undefined && { proxy }),
    settings: toSettings(data.config),
    access: toAccess(data, outside, problems),
    modelNames: toModelNames(data.models, problems),
    ...(tracing && { tracing }),
    ...(peers && { peers }),
  };
  if (problems.length > 0) return { ok: false, problems, warnings };
  return { ok: true, config, warnings: [...warnings, ...warningsOfTrust(config)] };
}

/** Whether servers come from elsewhere: sources, or the API at the admin address. */
function mayHaveNoServers(raw: unknown): boolean {
  const listed = tableAt(tableAt(raw), "servers")["servers"];
  const isEmpty = Array.isArray(listed) && listed.length === 0;
  return rawDiscoveries(raw).length > 0 ||
    isEmpty && tableAt(tableAt(raw), "admin")["listen"] !== undefined;
}

function noFiles(): never {
  throw new Error("can't be read: file access is disabled here");
}
