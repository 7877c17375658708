import * as ansi from "ansi-escapes";
import { type Key, keysOfRest, readKeys } from "./keys.ts";
import type { Terminal } from "./terminal.ts";

/** Full-screen use of a terminal, until closed. */
export interface Screen {
  /** Shows the lines. While a frame is being written, only the latest one is kept. */
  show(lines: readonly string[]): void;
  /** Restores the terminal; further calls do nothing. */
  close(): void;
  /** Resolves when the screen is closed or the terminal has disappeared. */
  readonly closed: Promise<void>;
}

/** Makes the terminal cut lines that are too long instead of wrapping them. */
const NO_WRAP = "\x1b[?7l";
const WRAP = "\x1b[?7h";
/** The rest of an escape sequence arrives within this time; otherwise it was the escape key. */
const ESCAPE_MS = 50;

/** Takes over a terminal and restores it when the process ends, as far as it can be detected. */
export function openScreen(terminal: Terminal, onKey: (key: Key) => void): Screen {
  const { promise: closed, resolve: tellClosed } = Promise.withResolvers<void>();
  let open = true;
  let waiting: readonly string[] | undefined;
  let writing = false;

  async function write(): Promise<void> {
    if (writing) return;
    writing = true;
    try {
      while (open && waiting) {
        const frame = frameOf(waiting);
        waiting = undefined;
        await terminal.write(frame);
      }
    } catch {
      // The terminal is gone, so the error cannot be shown.
      close();
    }
    writing = false;
  }

  function close(): void {
    if (!open) return;
    open = false;
    for (const event of LAST_EVENTS) globalThis.removeEventListener(event, close);
    try {
      terminal.writeNow(ansi.endSynchronizedOutput + WRAP + ansi.cursorShow);
      terminal.writeNow(ansi.exitAlternativeScreen);
      terminal.setRaw(false);
    } catch {
      // The terminal has disappeared.
    }
    tellClosed();
  }

  terminal.setRaw(true);
  for (const event of LAST_EVENTS) globalThis.addEventListener(event, close);
  terminal.writeNow(ansi.enterAlternativeScreen + ansi.cursorHide + NO_WRAP);
  void listen(terminal.input, (key) => open && onKey(key)).then(close);

  return {
    show(lines) {
      waiting = lines;
      void write();
    },
    close,
    closed,
  };
}

/** Events before the process ends, after which an error is written to the terminal. */
const LAST_EVENTS = ["error", "unhandledrejection", "unload"] as const;

/** Builds one write that overwrites line by line, to avoid flicker. */
function frameOf(lines: readonly string[]): string {
  return ansi.beginSynchronizedOutput + ansi.cursorTo(0, 0) +
    lines.map((line) => line + ansi.eraseEndLine).join("\r\n") +
    ansi.eraseDown + ansi.endSynchronizedOutput;
}

/** Reads typed keys until the terminal disappears. */
async function listen(input: AsyncIterable<Uint8Array>, onKey: (key: Key) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for await (const bytes of input) {
      clearTimeout(timer);
      const typed = readKeys(rest + decoder.decode(bytes, { stream: true }));
      rest = typed.rest;
      typed.keys.forEach(onKey);
      if (rest === "") continue;
      timer = setTimeout(() => {
        keysOfRest(rest).forEach(onKey);
        rest = "";
      }, ESCAPE_MS);
    }
  } catch {
    // It disappeared with an error.
  }
  clearTimeout(timer);
}
