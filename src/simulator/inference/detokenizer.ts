import { bytesOfToken } from "./tokenizer.ts";

/** Turns tokens into text, and holds back the beginning of a character. */
export interface Detokenizer {
  /** Returns the text that this token completes. */
  push(token: number): string;
  /** Returns what is held back, as replacement characters. */
  flush(): string;
}

export function createDetokenizer(): Detokenizer {
  const decoder = new TextDecoder();
  /** Text before an incomplete character is held back with it, as vLLM does. */
  let held = "";
  return {
    push(token) {
      const bytes = bytesOfToken(token);
      const text = decoder.decode(bytes, { stream: true });
      held += text;
      if (!endsWhole(bytes)) return "";
      const whole = held;
      held = "";
      return whole;
    },
    flush() {
      const rest = held + decoder.decode();
      held = "";
      return rest;
    },
  };
}

/** Whether bytes end with the end of a character. */
function endsWhole(bytes: Uint8Array): boolean {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return true;
    if (byte >= 0xc0) return back >= (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2);
  }
  return true;
}
