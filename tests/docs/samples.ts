import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/file/load.ts";
import { createAuthority } from "../security/certificates.ts";

const authority = await createAuthority();
const CLIENT = await authority.issue();
/** Contents of the files that samples reference. */
const FILES: Readonly<Record<string, string>> = {
  "ca.pem": authority.ca,
  "servers-ca.pem": authority.ca,
  "client.pem": CLIENT.cert,
  "client-key.pem": CLIENT.key,
  "keys.toml": "api_keys = []",
};

/** Each variable that a sample names is set, and OpenTelemetry's are not. */
export function sampleVariable(name: string): string | undefined {
  return name.startsWith("OTEL_") ? undefined : "a-key-of-some-length";
}

/** The configuration in a sample, which must be valid and cause no warning. */
export function accepted(text: string): Config {
  const file = (name: string) => FILES[name] ?? "what is there";
  const checked = parseConfig(text, sampleVariable, file);
  assert.ok(checked.ok, JSON.stringify(checked));
  assert.deepEqual(checked.warnings, []);
  return checked.config;
}

/** The configuration files in the ConfigMaps of a sample. */
export function filesInConfigMaps(yaml: string): readonly string[] {
  return [...yaml.matchAll(/^ {2}servers\.toml: \|\n((?: {4}.*\n|\n)+)/gm)]
    .map(([, body]) => body!.replaceAll(/^ {4}/gm, ""));
}
