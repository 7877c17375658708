import { read, ROOT } from "./pages.ts";

/** The tasks of `deno.json`, by name. */
export const tasks: Readonly<Record<string, string>> = JSON.parse(read("deno.json")).tasks;

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the router from the source, with permissions like those of its task. */
export function router(args: readonly string[]): Promise<Output> {
  const run = ["run", "--allow-net", "--allow-read", "--allow-env", "main.ts"];
  return output(Deno.execPath(), [...run, ...args]);
}

/** Runs a program in the project's folder to its end. */
export async function output(
  program: string,
  args: readonly string[],
  input?: string,
): Promise<Output> {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  if (input) await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

export function isInstalled(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}
