import type { Load, LoadResult } from "./load.ts";
import { denoArguments, startChild, stopChild } from "../support/processes.ts";

/** @throws {Error} when any request failed */
export async function runLoad(load: Load): Promise<LoadResult> {
  const { success, stdout } = await startLoad(load).output();
  if (!success) throw new Error("Making load failed");
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return JSON.parse(lines.at(-1)!);
}

/**
 * Runs an action while every connection is receiving an answer, then drops the connections.
 *
 * @throws {Error} when a connection got no answer
 */
export async function whileOpen<T>(
  load: Load,
  action: () => Promise<T>,
): Promise<T> {
  const child = startLoad(load);
  const reader = child.stdout.getReader();
  try {
    if ((await reader.read()).done) throw new Error("Making load failed");
    return await action();
  } finally {
    await stopChild(child);
    await reader.cancel();
  }
}

function startLoad(load: Load): Deno.ChildProcess {
  return startChild(
    Deno.execPath(),
    denoArguments("cost/load.ts", JSON.stringify(load)),
  );
}
