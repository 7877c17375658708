import { dirname, resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import type { Config } from "../config.ts";
import type { References } from "../references.ts";
import type { Diagnostic } from "../diagnostic.ts";
import { checkConfig, type Checked } from "../schema.ts";

/** A loaded configuration file. */
export interface Loaded {
  /** Contents of the file and of the files it references; a watcher compares this. */
  readonly text: string;
  /** Resolved paths of the files it references. */
  readonly files: readonly string[];
  /** The configuration, or its problems. */
  readonly checked: Checked;
}

/** Parses and checks the text of a configuration file. */
export function parseConfig(
  text: string,
  env: References["env"],
  file?: References["file"],
  resolve?: References["resolve"],
): Checked {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = error.message.split("\n")[0]!.replace(/^Invalid TOML document: /, "");
    return failure(`line ${error.line}, column ${error.column}`, `not valid TOML: ${what}`);
  }
  return checkConfig(raw, env, file, resolve);
}

/** Loads a configuration file and the files it references, resolved relative to its folder. */
export async function loadConfig(
  path: string,
  env: References["env"] = (name) => Deno.env.get(name),
): Promise<Loaded> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const hint = error instanceof Deno.errors.NotFound
      ? "; copy servers.example.toml, or name servers with --server"
      : "";
    return { text: "", files: [], checked: failure(path, unreadable(error) + hint) };
  }
  const files = new Map<string, string>();
  const inFolder = (name: string) => resolve(dirname(path), name);
  const read = (name: string) => {
    const named = inFolder(name);
    try {
      files.set(named, Deno.readTextFileSync(named));
    } catch (error) {
      files.set(named, "");
      throw new Error(unreadable(error));
    }
    return files.get(named)!;
  };
  const checked = inFile(path, parseConfig(text, env, read, inFolder));
  return { text: [text, ...files.values()].join("\0"), files: [...files.keys()], checked };
}

/** Prefixes each location with the file's path, and resolves paths relative to its folder. */
function inFile(path: string, checked: Checked): Checked {
  const named = (problems: readonly Diagnostic[]) =>
    problems.map(({ where, what }) => ({ where: `${path}: ${where}`, what }));
  const warnings = named(checked.warnings);
  return checked.ok
    ? { ...checked, config: inFolder(dirname(path), checked.config), warnings }
    : { ...checked, problems: named(checked.problems), warnings };
}

/** Resolves the path of the file that the router writes. */
function inFolder(folder: string, config: Config): Config {
  const { stateFile } = config.settings;
  if (stateFile === undefined) return config;
  return { ...config, settings: { ...config.settings, stateFile: resolve(folder, stateFile) } };
}

function failure(where: string, what: string): Checked {
  return { ok: false, problems: [{ where, what }], warnings: [] };
}

/** Says why a file can't be read. */
export function unreadable(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.IsADirectory) return "is a folder, expected a file";
  if (error instanceof Deno.errors.PermissionDenied) return "may not be read by this user";
  return `can't be read: ${error instanceof Error ? error.message : error}`;
}
