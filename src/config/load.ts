import { parse, TomlError } from "smol-toml";
import { checkConfig, type Checked, type ReadEnv } from "./schema.ts";

/** Parses and checks the text of a configuration file. */
export function parseConfig(text: string, readEnv: ReadEnv): Checked {
  try {
    return checkConfig(parse(text), readEnv);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = error.message.split("\n")[0]!.replace(
      /^Invalid TOML document: /,
      "",
    );
    return {
      ok: false,
      problems: [{
        where: `line ${error.line}, column ${error.column}`,
        what: `not valid TOML: ${what}`,
      }],
    };
  }
}

/** Reads a configuration file; the text comes along so that a watcher can compare it. */
export async function loadConfig(
  path: string,
  readEnv: ReadEnv = (name) => Deno.env.get(name),
): Promise<{ text: string; checked: Checked }> {
  try {
    const text = await Deno.readTextFile(path);
    return { text, checked: parseConfig(text, readEnv) };
  } catch (error) {
    return {
      text: "",
      checked: { ok: false, problems: [{ where: path, what: why(error) }] },
    };
  }
}

function why(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) {
    return "no such file; copy servers.example.toml, or name servers with --server";
  }
  if (error instanceof Deno.errors.IsADirectory) {
    return "is a folder, expected a file";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "may not be read by this user";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "may not be read with these permissions";
  }
  if (error instanceof TypeError || error instanceof Deno.errors.InvalidData) {
    return "is not a UTF-8 text";
  }
  throw error;
}
