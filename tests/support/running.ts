/** A router that runs as a process until it is told to stop. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  /** All it has written so far, to either stream. */
  output(): string;
  kill(signal: Deno.Signal): void;
  /** Resolves when it has ended and all it wrote is here. */
  readonly status: Promise<Deno.CommandStatus>;
}

/** Waits until a router's process listens. Throws with what it wrote where it ends before. */
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
  void reading.then(() => listening.reject(new Error(`It ended: ${output}`)));
  const status = reading.then(() => child.status);
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
        // It has ended by itself.
      }
      await status;
    },
  };
}
