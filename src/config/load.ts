import { parse, TomlError } from "smol-toml";
import { checkConfig, type Checked, type ReadEnv } from "./schema.ts";

/** Parses and checks the text of a configuration file. */
export function parseConfig(text: string, readEnv: ReadEnv): Checked {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = error.message.split("\n")[0]!.replace(/^Invalid TOML document: /, "");
    return failure(`line ${error.line}, column ${error.column}`, `not valid TOML: ${what}`);
  }
  return checkConfig(raw, readEnv);
}

/** Reads a configuration file; the text comes along so that a watcher can compare it. */
export async function loadConfig(
  path: string,
  readEnv: ReadEnv = (name) => Deno.env.get(name),
): Promise<{ text: string; checked: Checked }> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    return { text: "", checked: failure(path, unreadable(error)) };
  }
  return { text, checked: parseConfig(text, readEnv) };
}

function failure(where: string, what: string): Checked {
  return { ok: false, problems: [{ where, what }], warnings: [] };
}

function unreadable(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) {
    return "no such file; copy servers.example.toml, or name servers with --server";
  }
  if (error instanceof Deno.errors.IsADirectory) return "is a folder, expected a file";
  if (error instanceof Deno.errors.PermissionDenied) return "may not be read by this user";
  return `can't be read: ${error instanceof Error ? error.message : error}`;
}
