import { type Running, untilListening } from "./running.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const PERMISSIONS = ["--no-prompt", "--allow-net", "--allow-read", "--allow-env"];

export interface CliOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** Permissions besides those that every command has. */
  readonly permissions?: readonly string[];
}

/** Creates the router's command, with its production permissions. */
function command(args: readonly string[], { env = {}, cwd, permissions = [] }: CliOptions) {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", `--config=${CONFIG}`, ...PERMISSIONS, ...permissions, MAIN, ...args],
    env: {
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
      ...env,
    },
    ...(cwd && { cwd }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs the router's command until it exits. */
export async function cli(
  args: readonly string[],
  options: CliOptions = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await command(args, options).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/** Starts `run` with the arguments on a free port and waits until it listens. */
export function startCli(
  args: readonly string[],
  options: CliOptions = {},
): Promise<Running> {
  return untilListening(
    command(["run", "--host", "127.0.0.1", "--port", "0", ...args], options).spawn(),
  );
}
