import { MOST_LINE_BYTES } from "./words.ts";

/** The lines of a stream. */
export interface Lines {
  /** Returns the next line; `undefined` at the end or if a line is too long. Rejects if the stream breaks. */
  next(): Promise<string | undefined>;
  /** Ends the stream, even while a line is awaited. */
  cancel(): void;
}

/**
 * Splits a stream of bytes into lines. Reads at most once in each turn of the event loop, so that a
 * sender that never stops keeps nothing else from its turn.
 */
export function readLines(body: ReadableStream<Uint8Array>): Lines {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let lines: string[] = [];
  let rest = "";
  let turn = Promise.resolve();
  return {
    async next() {
      while (lines.length === 0) {
        await turn;
        const { value, done } = await reader.read();
        if (done || rest.length > MOST_LINE_BYTES) return undefined;
        turn = new Promise((resolve) => void setTimeout(resolve));
        const parts = decoder.decode(value, { stream: true }).split("\n");
        parts[0] = rest + parts[0]!;
        rest = parts.pop()!;
        lines = parts.reverse();
      }
      return lines.pop();
    },
    cancel: () => void reader.cancel().catch(() => {}),
  };
}
