import { configure, dispose, getConsoleSink, getLogger, type LogRecord } from "@logtape/logtape";
import { getPrettyFormatter } from "@logtape/pretty";
import type { Diagnostic } from "../config/schema.ts";
import { describeTerms } from "../fleet/decision.ts";
import { isDown } from "../fleet/state/server.ts";
import type { RequestRecord } from "../proxy/request_record.ts";
import { accessLevel, accessLine, clipped } from "./access_line.ts";
import type { Listener } from "./listener.ts";
import { type Level, logLevels } from "../config/log_level.ts";
import { type LogFile, openLogFile } from "./log_file.ts";
import { createLogLines } from "./log_lines.ts";
import { countsOf } from "./words.ts";

export { type Level, logLevels } from "../config/log_level.ts";

/** Where log lines go, and which are written. */
export interface LogOptions {
  readonly level: Level;
  /** Human-readable lines, one JSON object per line, or nothing while the terminal UI is shown. */
  readonly console: "pretty" | "json" | "none";
  /** A file that also receives the JSON lines, rotated by size and age. @default none */
  readonly file?: string;
}

/** Every level goes to stdout: redirecting it to a file would otherwise lose the warnings. */
const TO_STDOUT = {
  trace: "log",
  debug: "log",
  info: "log",
  warning: "log",
  error: "log",
  fatal: "log",
} as const;

const log = getLogger("router");
let lowest = 0;
let logFile: LogFile | undefined;
let consoleStyle: LogOptions["console"] = "pretty";
const lines = createLogLines();

/** Sets up the log. Must be called before the first line. Throws if the file can't be written. */
export async function setUpLog(options: LogOptions): Promise<void> {
  setLogLevel(options.level);
  const file = options.file === undefined ? undefined : await openLogFile(options.file);
  logFile = file;
  const pretty = getPrettyFormatter({ timestamp: "time", categoryWidth: 6, wordWrap: false });
  consoleStyle = options.console;
  await configure({
    reset: true,
    sinks: {
      console: options.console === "pretty"
        ? getConsoleSink({ formatter: pretty, levelMap: TO_STDOUT })
        : (record) => writeToConsole(jsonLine(record), record.level as Level),
      file: Object.assign((record: LogRecord) => file?.write(jsonLine(record) + "\n"), {
        [Symbol.asyncDispose]: async () => await file?.close(),
      }),
    },
    filters: { level: ({ level }) => isLogged(level as Level) },
    loggers: [
      { category: "router", sinks: ["console", "file"], filters: ["level"], lowestLevel: "debug" },
      { category: ["logtape", "meta"], sinks: ["console"], lowestLevel: "error" },
    ],
  });
}

/** Sets the level: from now on only lines of this level and above are written. */
export function setLogLevel(level: Level): void {
  lowest = logLevels.indexOf(level);
}

/**
 * Whether lines of a level are written. Building a line costs as much as writing it, so lines that
 * every request logs check this first.
 */
function isLogged(level: Level): boolean {
  return logLevels.indexOf(level) >= lowest;
}

/** Reopens the log file, if any: it may have been moved. */
export async function reopenLogFile(): Promise<void> {
  await logFile?.reopen();
}

/** Flushes and closes the log. */
export async function closeLog(): Promise<void> {
  await dispose();
  lines.flush();
}

/** Writes a line of JSON, if the console gets those. Only what goes well may wait for others. */
function writeToConsole(line: string, level: Level): void {
  if (consoleStyle === "json") lines.write(line, level !== "info" && level !== "debug");
}

/**
 * Writes where the router listens, whatever the level: people and scripts wait for this line. Not
 * written while the terminal UI is shown.
 */
export function announce(message: string, style: LogOptions["console"]): void {
  const time = new Date().toISOString();
  if (style === "json") console.log(JSON.stringify({ time, level: "info", message }));
  if (style === "pretty") console.log(message);
}

/** Formats a record as one flat object: time, level, message and the message's properties. */
function jsonLine({ timestamp, level, message, properties }: LogRecord): string {
  const line = {
    time: new Date(timestamp).toISOString(),
    level,
    message: message.map((part) => part instanceof Error ? part.stack : part).join(""),
    ...properties,
  };
  return JSON.stringify(line, (_, value) => value instanceof Error ? value.message : value);
}

/**
 * Writes a line that every request logs. A line of JSON is made and written here, at a quarter of
 * what the library takes for it (docs/decisions/0006-logtape.md).
 */
function writeLine(level: Level, template: string, properties: Record<string, unknown>): void {
  if (consoleStyle === "pretty") return log[level](template, properties);
  const message = template.replace(/\{(\w+)\}/g, (_, name) => String(properties[name] ?? ""));
  const line = JSON.stringify({ time: new Date().toISOString(), level, message, ...properties });
  writeToConsole(line, level);
  logFile?.write(`${line}\n`);
}

/** Writes the access line, which contains no prompt, no answer and no key. */
function logClosed(record: Readonly<RequestRecord>): void {
  const level = accessLevel(record);
  if (isLogged(level)) writeLine(level, ...accessLine(record));
}

/** Writes a line for each request and each event. */
export const logListener: Partial<Listener> = {
  closed: logClosed,
  stateChanged(change) {
    const { from, to, server: { name: server, url } } = change;
    // The address is logged once, when a server's first check has ended.
    const isFirst = from === "checking";
    const line = `{server}${isFirst ? " at {url}" : ""} is {to}, was {from}: {reason}`;
    log[isDown(to) ? "warning" : "info"](line, { ...change, server, ...(isFirst && { url }) });
  },
  noModels(server, why) {
    log.warning("{server} doesn't list its models, so it gets no requests: {why}", {
      server,
      why,
    });
  },
  noMetrics(server, why) {
    log.warning("The metrics of {server} can't be used: {why}", { server, why });
  },
  chose({ id, policy, chosen, candidates }) {
    if (!isLogged("debug")) return;
    log.debug("Request {id} goes to {server} by {policy}: {candidates}", {
      id,
      policy,
      server: chosen.server.config.name,
      candidates: candidates.map(({ server, ...terms }) =>
        `${server.config.name}: ${describeTerms(policy, terms)}`
      ).join("; "),
    });
  },
  failover(failover) {
    log.warning("Request {id} moved from {from} to {to}: {reason}", { ...failover });
  },
  continued(continued) {
    log.warning("The stream of request {id} goes on at {to}, {from} broke it off: {reason}", {
      ...continued,
    });
  },
  reloaded(config, warnings) {
    logWarnings(warnings);
    log.info(`Configuration reloaded, ${countsOf(config)}`, { servers: config.servers.length });
  },
  keysTurnedOff() {
    log.warning("KEYS ARE TURNED OFF: anyone may use the router");
  },
  notReloaded(problems) {
    for (const problem of problems) log.error("{where}: {what}", { ...problem });
    log.error("The changed configuration was not applied, nothing changed");
  },
};

/** Logs a request that the router answered itself: a probe, a page, an unknown path. */
export function logAnswered(method: string, path: string, status: number): void {
  log.debug("{status} {method} {path}", { method, path: clipped(path), status });
}

/** Logs the warnings about a configuration. */
export function logWarnings(warnings: readonly Diagnostic[]): void {
  for (const warning of warnings) log.warning("{where}: {what}", { ...warning });
}

/** Logs an unexpected error. */
export function logError(error: unknown): void {
  log.error("Unexpected: {error}", { error });
}
