const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** A router in a folder of its own, which may write below `logs` as in real life. */
export interface LoggingRouter extends AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  /** Everything it wrote so far, to either stream. */
  output(): string;
  kill(signal: Deno.Signal): void;
  readonly ended: Promise<number>;
}

/** Runs `run` in `folder`; resolves when it listens, rejects when it ends before. */
export async function startLogging(
  folder: string,
  args: readonly string[],
): Promise<LoggingRouter> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--allow-net", "--allow-read", "--allow-env"],
      ...["--allow-write=logs", `--config=${new URL("../../deno.json", import.meta.url).pathname}`],
      ...[MAIN, "run", "--host", "127.0.0.1", "--port", "0", ...args],
    ],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
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
  void reading.then(() => listening.reject(new Error(output)));
  const ended = child.status.then(async ({ code }) => {
    await reading;
    return code;
  });
  return {
    url: await listening.promise,
    folder,
    output: () => output,
    kill: (signal) => child.kill(signal),
    ended,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await ended;
    },
  };
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
