import { type Running, untilListening } from "../support/running.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));

/** The flags a task runs the router with. */
export function flagsOf(task: string): string[] {
  return tasks[task].split(" ").filter((word: string) => word.startsWith("--"));
}

export interface ProcessOptions {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Record<string, string>;
  /** @default the flags of the task `start` */
  readonly flags?: readonly string[];
  /** Program to run. @default the router */
  readonly program?: string;
}

export function spawn(
  { args, cwd, env = {}, flags = flagsOf("start"), program = `${ROOT}main.ts` }: ProcessOptions,
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", `--config=${ROOT}deno.json`, ...flags, program, ...args],
    cwd,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs the router on a free port like the task `start`, and waits until it listens. */
export function startProcess(options: ProcessOptions): Promise<Running> {
  const args = ["run", "--host", "127.0.0.1", "--port", "0", ...options.args];
  return untilListening(spawn({ ...options, args }));
}
