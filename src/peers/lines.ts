import { MOST_LINE_BYTES } from "../fleet/peers/words.ts";

/** The lines of a stream. */
export interface Lines {
  /** Returns the next line; `undefined` at the end, or if it is too long. Rejects if it breaks. */
  next(): Promise<string | undefined>;
  /** Ends it, also while a line is awaited. */
  cancel(): void;
}

/** Splits a stream of bytes into lines. */
export function readLines(body: ReadableStream<Uint8Array>): Lines {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const lines: string[] = [];
  let rest = "";
  return {
    async next() {
      while (lines.length === 0) {
        const { value, done } = await reader.read();
        if (done || rest.length > MOST_LINE_BYTES) return undefined;
        const parts = (rest + decoder.decode(value, { stream: true })).split("\n");
        rest = parts.pop()!;
        lines.push(...parts.reverse());
      }
      return lines.pop();
    },
    cancel: () => void reader.cancel().catch(() => {}),
  };
}
