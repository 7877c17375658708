import type { Config } from "../../src/config/config.ts";
import { checkConfig, type Diagnostic } from "../../src/config/schema.ts";

/** The configuration of servers and settings written as the file writes them. */
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

/** Every problem in one text, a line each. */
export function lines(problems: readonly Diagnostic[]): string {
  return problems.map(({ where, what }) => `${where}: ${what}`).join("\n");
}
