import { startCli } from "../support/cli.ts";
import type { Running } from "../support/running.ts";

/** Starts `run` in `folder`, with the production permission to write below `logs`. */
export function startLogging(folder: string, args: readonly string[]): Promise<Running> {
  return startCli(args, { cwd: folder, permissions: ["--allow-write=logs"] });
}

/** Returns the JSON objects in a log, except the line with the listen address. */
export function logLines(text: string): Record<string, unknown>[] {
  return text.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))
    .filter(({ message }) => !message.startsWith("Listening on "));
}

export async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
