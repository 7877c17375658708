import type { Config } from "../../src/config/config.ts";
import { checkConfig, type Diagnostic } from "../../src/config/schema.ts";

/** Parses servers and settings, spelled as in the configuration file. */
export function configOf(
  servers: readonly Record<string, unknown>[],
  settings: Record<string, unknown> = {},
): Config {
  const checked = checkConfig(
    { servers: { servers }, config: settings },
    () => undefined,
  );
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.config;
}

/** Returns all problems as text, one per line. */
export function lines(problems: readonly Diagnostic[]): string {
  return problems.map(({ where, what }) => `${where}: ${what}`).join("\n");
}
