import type { Size } from "./draw.ts";

/** The terminal operations a screen needs. */
export interface Terminal {
  size(): Size;
  /** With true, keys arrive one by one without echo; with false, line by line. */
  setRaw(raw: boolean): void;
  /** Typed bytes, until the terminal disappears. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Writes all of the text asynchronously. */
  write(text: string): Promise<void>;
  /** Writes all of the text before returning, for a process about to end. */
  writeNow(text: string): void;
  /** Calls back when the size changes. Returns a function that unsubscribes. */
  onResize(resized: () => void): () => void;
}

const encoder = new TextEncoder();

/** Returns the terminal of this process. */
export function ownTerminal(): Terminal {
  return {
    size: Deno.consoleSize,
    setRaw: (raw) => Deno.stdin.setRaw(raw),
    input: Deno.stdin.readable,
    async write(text) {
      let bytes = encoder.encode(text);
      while (bytes.length > 0) bytes = bytes.subarray(await Deno.stdout.write(bytes));
    },
    writeNow(text) {
      try {
        writeAllSync(Deno.stdout, text);
      } catch (error) {
        // A frame is being written. Standard error goes to the same terminal.
        if (!(error instanceof Deno.errors.Busy) || !Deno.stderr.isTerminal()) throw error;
        writeAllSync(Deno.stderr, text);
      }
    },
    onResize(resized) {
      if (Deno.build.os === "windows") return () => {};
      Deno.addSignalListener("SIGWINCH", resized);
      return () => Deno.removeSignalListener("SIGWINCH", resized);
    },
  };
}

function writeAllSync(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
}
