import { until } from "../support/until.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));

/** The flags with which a task runs the router. */
export function flagsOf(task: string): string[] {
  return tasks[task].split(" ").filter((word: string) => word.startsWith("--"));
}

export interface RouterProcess extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  /** What it wrote to either stream so far. */
  output(): string;
  kill(signal: Deno.Signal): void;
  /** Resolves when it has ended and all it wrote is here. */
  readonly status: Promise<Deno.CommandStatus>;
}

export interface ProcessOptions {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Record<string, string>;
  /** @default those of the task `start` */
  readonly flags?: readonly string[];
  /** A program to run in the place of the router's. */
  readonly program?: string;
}

export function spawn(
  { args, cwd, env = {}, flags = flagsOf("start"), program = `${ROOT}main.ts` }: ProcessOptions,
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", `--config=${ROOT}deno.json`, ...flags, program, ...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs the router on a free port as the task `start` does, and waits until it listens. */
export async function startProcess(options: ProcessOptions): Promise<RouterProcess> {
  const args = ["run", "--host", "127.0.0.1", "--port", "0", ...options.args];
  const child = spawn({ ...options, args });
  let output = "";
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) output += text;
  };
  let ended = false;
  const status = Promise.all([read(child.stdout), read(child.stderr)]).then(() => {
    ended = true;
    return child.status;
  });
  const url = () => /Listening on (https?:\/\/[^,\s]+),/.exec(output)?.[1];
  await until("it listens", () => ended || url() !== undefined, 20_000);
  if (ended) throw new Error(`It ended: ${output}`);
  return {
    pid: child.pid,
    url: url()!,
    output: () => output,
    kill: (signal) => child.kill(signal),
    status,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await status;
    },
  };
}
