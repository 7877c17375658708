const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const PERMISSIONS = ["--no-prompt", "--allow-net", "--allow-read", "--allow-env"];

export interface CliOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** Beside those that every command has. */
  readonly permissions?: readonly string[];
}

/** The router's command as a process, with the permissions it has in real life. */
function command(args: readonly string[], { env = {}, cwd, permissions = [] }: CliOptions) {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", `--config=${CONFIG}`, ...PERMISSIONS, ...permissions, MAIN, ...args],
    env: {
      NO_COLOR: "1",
      ...env,
    },
    ...(cwd && { cwd }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs the router's command to its end. */
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

/** A router that runs as a process until it is told to stop. */
export interface RunningCli extends AsyncDisposable {
  readonly url: string;
  /** All it has written so far, to either stream. */
  output(): string;
  kill(signal: Deno.Signal): void;
  /** Resolves when it has ended and all it wrote is here. */
  readonly status: Promise<Deno.CommandStatus>;
}

/** Starts `run` with those arguments on a free port and waits until it listens. */
export async function startCli(
  args: readonly string[],
  options: CliOptions = {},
): Promise<RunningCli> {
  const child = command(
    ["run", "--host", "127.0.0.1", "--port", "0", ...args],
    options,
  ).spawn();
  let output = "";
  const listening = Promise.withResolvers<string>();
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      const url = /Listening on (http:\/\/[^,\s]+),/.exec(output)?.[1];
      if (url) listening.resolve(url);
    }
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  void reading.then(() => listening.reject(new Error(`It ended: ${output}`)));
  const status = reading.then(() => child.status);
  return {
    url: await listening.promise,
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
