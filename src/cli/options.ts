import { InvalidArgumentError, Option } from "commander";
import { type Level, levelNamed, logLevels } from "../config/log_level.ts";

/** Formats the examples at the end of a command's help. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
}

export function configOption(): Option {
  return new Option("--config <file>", "the configuration file").env("CONFIG_PATH")
    .default("servers.toml");
}

export function portOption(port: number): Option {
  return new Option("-p, --port <port>", "the port to listen on; 0 picks a free one")
    .argParser(parsePort).default(port);
}

/** The router's port; `health` uses it as well. */
export function routerPortOption(): Option {
  return portOption(8888).env("VLLM_ROUTER_PORT");
}

export function levelOption(): Option {
  return new Option("--log-level <level>", logLevels.join(", ")).env("LOG_LEVEL")
    .argParser(parseLevel).default("info");
}

/** Returns a parser for numbers of at least `least`; with `whole`, integers only. */
export function number(
  { least, whole = false }: { least: number; whole?: boolean },
): (value: string) => number {
  return (value) => {
    const number = value.trim() === "" ? NaN : Number(value);
    if (number >= least && (whole ? Number.isSafeInteger(number) : Number.isFinite(number))) {
      return number;
    }
    throw new InvalidArgumentError(
      `Expected a ${whole ? "whole number" : "number"} of at least ${least}.`,
    );
  };
}

/** Appends the value of a repeated option to the previous values. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

/** Parses a boolean environment variable, ignoring case; `undefined` if it is not a boolean. */
export function yesOrNo(value: string | undefined): boolean | undefined {
  const said = (value ?? "").toLowerCase();
  if (["true", "1"].includes(said)) return true;
  return ["false", "0", ""].includes(said) ? false : undefined;
}

function parsePort(value: string): number {
  const port = Number(value);
  if (/^\d+$/.test(value) && port <= 65_535) return port;
  throw new InvalidArgumentError("Expected a port from 0 to 65535.");
}

function parseLevel(value: string): Level {
  const level = levelNamed(value);
  if (level) return level;
  throw new InvalidArgumentError(`Expected one of ${logLevels.join(", ")}.`);
}
