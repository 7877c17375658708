/** A router running as a process until it is stopped. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  /** Returns everything written so far to stdout and stderr. */
  output(): string;
  kill(signal: Deno.Signal): void;
  /** Resolves when the process has ended and all its output has been read. */
  readonly status: Promise<Deno.CommandStatus>;
}

/** Waits until a router process listens. Throws with its output if it ends before. */
export async function untilListening(child: Deno.ChildProcess): Promise<Running> {
  let output = "";
  const listening = Promise.withResolvers<string>();
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      const url = /Listening on (https?:\/\/[^,\s]+),/.exec(output)?.[1];
      if (url) listening.resolve(url);
    }
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  const status = reading.then(() => child.status);
  // Only once it has ended: what is left of it then would count as the test's.
  void status.then(() => listening.reject(new Error(`It ended: ${output}`)));
  return {
    pid: child.pid,
    url: await listening.promise,
    output: () => output,
    kill: (signal) => child.kill(signal),
    status,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // The process has already ended.
      }
      await status;
    },
  };
}
