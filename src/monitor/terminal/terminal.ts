import type { Size } from "./draw.ts";

/** What a screen needs of a terminal. */
export interface Terminal {
  size(): Size;
  /** Whether keys come one by one and unseen, or line by line. */
  setRaw(raw: boolean): void;
  /** What is typed, until the terminal goes away. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Writes all of it without holding up anything else. */
  write(text: string): Promise<void>;
  /** Writes all of it before it returns, for a process about to end. */
  writeNow(text: string): void;
  /** Calls back when the size changes. Returns what ends it. */
  onResize(resized: () => void): () => void;
}

const encoder = new TextEncoder();

/** The terminal this process was started on. */
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
        // A frame is on its way; standard error leads to the same terminal.
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
