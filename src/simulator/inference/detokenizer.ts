import { END_OF_ANSWER } from "./token_chain.ts";
import { bytesOfToken } from "./vocabulary.ts";

/** Turns tokens into text, and holds back the beginning of a character. */
export interface Detokenizer {
  /** Returns the text that this token completes. */
  push(token: number): string;
  /** Returns what is held back, as replacement characters. */
  flush(): string;
}

/** The texts of tokens that are whole characters, `null` for others, as far as they were seen. */
const texts: (string | null)[] = [];
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function createDetokenizer(): Detokenizer {
  let held: number[] = [];
  return {
    push(token) {
      if (token === END_OF_ANSWER) return "";
      const whole = held.length === 0 ? textOfToken(token) : null;
      if (whole !== null) return whole;
      held.push(...bytesOfToken(token));
      // Text before an incomplete character is held back with it, as vLLM does.
      if (!endsWhole(held)) return "";
      const text = decoder.decode(Uint8Array.from(held));
      held = [];
      return text;
    },
    flush() {
      const rest = decoder.decode(Uint8Array.from(held));
      held = [];
      return rest;
    },
  };
}

function textOfToken(token: number): string | null {
  return texts[token] ??= wholeText(bytesOfToken(token));
}

function wholeText(bytes: Uint8Array): string | null {
  const text = decoder.decode(bytes);
  return text.includes("\u{fffd}") ? null : text;
}

/** Whether bytes end with the end of a character. */
function endsWhole(bytes: readonly number[]): boolean {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes.at(-back)!;
    if (byte < 0x80) return true;
    if (byte >= 0xc0) return back >= (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2);
  }
  return true;
}
