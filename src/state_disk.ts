import { dirname } from "node:path";

/** A state file's contents: the saved parts by name, or why they can't be used. */
export type SavedState =
  | { readonly parts: Readonly<Record<string, unknown>>; readonly ageMs: number }
  | { readonly problem: string };

const VERSION = 1;
const MOST_MIB = 64;
const encoder = new TextEncoder();

/** Reads a state file. Returns `undefined` if there is none. */
export function readState(path: string): SavedState | undefined {
  try {
    const { isFile, size } = Deno.statSync(path);
    if (!isFile) return { problem: "it is no file" };
    if (size > MOST_MIB * 1024 * 1024) return { problem: `it is larger than ${MOST_MIB} MiB` };
    return savedIn(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    return { problem: `it can't be read: ${shortened(error)}` };
  }
}

function savedIn(text: string): SavedState {
  let saved: unknown;
  try {
    saved = JSON.parse(text);
  } catch {
    return { problem: "it isn't valid JSON" };
  }
  if (typeof saved !== "object" || saved === null || !("version" in saved)) {
    return { problem: "it has no version" };
  }
  const { version, savedAt, ...parts } = saved as Record<string, unknown>;
  if (version !== VERSION) {
    const got = JSON.stringify(version).slice(0, 40);
    return { problem: `expected version ${VERSION}, got ${got}` };
  }
  // A file from the future, after the clock was set back, counts as just written.
  const age = Date.now() - Date.parse(String(savedAt));
  return { parts, ageMs: Math.max(0, age || 0) };
}

/**
 * Replaces a state file at once: whenever the router ends, the file is the old one or the new one.
 * Only the router's user may read it. Throws the file system's error.
 *
 * @param pieces those of a JSON object's members, without braces
 */
export async function writeState(path: string, pieces: readonly string[]): Promise<void> {
  const temporary = `${path}.tmp`;
  // One that a killed router has left.
  await removeIfThere(temporary);
  try {
    using file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
    const head = JSON.stringify({ version: VERSION, savedAt: new Date().toISOString() });
    for (const piece of [head.slice(0, -1), ...pieces, "}\n"]) {
      const bytes = encoder.encode(piece);
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    }
    await file.sync();
  } catch (error) {
    await removeIfThere(temporary).catch(() => {});
    throw error;
  }
  await Deno.rename(temporary, path);
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Tries whether a state file can be written. Returns why not, `undefined` if it can. */
export function whyNotWritable(path: string): string | undefined {
  try {
    if (Deno.statSync(dirname(path)).isDirectory) {
      Deno.removeSync(Deno.makeTempFileSync({ dir: dirname(path), prefix: ".writable-" }));
      return undefined;
    }
    return `${dirname(path)} is no folder`;
  } catch (error) {
    return whyNotWritten(path, error);
  }
}

/** Explains why writing a state file failed. */
export function whyNotWritten(path: string, error: unknown): string {
  const folder = dirname(path);
  if (error instanceof Deno.errors.NotFound) return `there is no folder ${folder}`;
  if (error instanceof Deno.errors.NotCapable) {
    return `the router may not write in ${folder}, only in ./state and /var/lib/vllm-router`;
  }
  if (error instanceof Deno.errors.PermissionDenied) return `this user may not write in ${folder}`;
  return shortened(error);
}

/** Returns an error's message without the path, which callers name. */
function shortened(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/(\(os error \d+\)).*$/s, "$1");
}
