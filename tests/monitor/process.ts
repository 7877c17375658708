import { startCli } from "../support/cli.ts";
import type { Running } from "../support/running.ts";

/** Runs `run` in `folder`, below whose `logs` it may write as in real life. */
export function startLogging(folder: string, args: readonly string[]): Promise<Running> {
  return startCli(args, { cwd: folder, permissions: ["--allow-write=logs"] });
}

/** The JSON objects in a log, without the one that only says where it listens. */
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
