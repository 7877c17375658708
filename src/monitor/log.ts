import { configure, getConsoleSink, getLogger, type LogRecord } from "@logtape/logtape";
import { getPrettyFormatter } from "@logtape/pretty";
import type { Config } from "../config/config.ts";
import type { Problem } from "../config/schema.ts";
import type { StateChange } from "../fleet/fleet.ts";
import type { Account } from "../proxy/account.ts";
import type { Failover } from "../proxy/proxy.ts";

export const logLevels = ["debug", "info", "warning", "error"] as const;
export type Level = typeof logLevels[number];

const log = getLogger("router");

/** Pretty lines for people, one JSON object a line for programs. */
export async function setUpLog(level: Level, pretty: boolean): Promise<void> {
  const formatter = pretty
    ? getPrettyFormatter({
      timestamp: "time",
      categoryWidth: 6,
      wordWrap: false,
    })
    : jsonLine;
  await configure({
    reset: true,
    sinks: { console: getConsoleSink({ formatter }) },
    loggers: [
      { category: "router", sinks: ["console"], lowestLevel: level },
      {
        category: ["logtape", "meta"],
        sinks: ["console"],
        lowestLevel: "error",
      },
    ],
  });
}

/** One flat object: the time, the level, the sentence and what it speaks of. */
function jsonLine(
  { timestamp, level, message, properties }: LogRecord,
): string {
  return JSON.stringify({
    time: new Date(timestamp).toISOString(),
    level,
    message: message.map((part) => part instanceof Error ? part.stack : part)
      .join(""),
    ...properties,
  });
}

/** One line a request, with nothing of what was asked or answered. */
export function logAccount(account: Readonly<Account>): void {
  log.info(
    "{status} {outcome} {path} {model} by {server} in {durationMs} ms, request {id}",
    {
      ...account,
      model: account.model ?? null,
      server: account.server ?? null,
      durationMs: Math.round(account.durationMs),
    },
  );
}

export function logStateChange(change: StateChange): void {
  const line = "{server} is {to}, was {from}: {reason}";
  if (change.to === "unhealthy") log.warning(line, { ...change });
  else log.info(line, { ...change });
}

export function logFailover(failover: Failover): void {
  log.warning("Request {id} moved from {from} to {to}: {reason}", {
    ...failover,
  });
}

export function logReload(config: Config, warnings: readonly Problem[]): void {
  logWarnings(warnings);
  log.info("Configuration reloaded, {servers} servers", {
    servers: config.servers.length,
  });
}

export function logWarnings(warnings: readonly Problem[]): void {
  for (const warning of warnings) {
    log.warning("{where}: {what}", { ...warning });
  }
}

/** A changed configuration that can't be used. */
export function logProblems(problems: readonly Problem[]): void {
  for (const problem of problems) log.error("{where}: {what}", { ...problem });
  log.error("The changed configuration was not taken, nothing changed");
}

export function logError(error: unknown): void {
  log.error("Unexpected: {error}", { error });
}
