import * as ansi from "ansi-escapes";
import { type Key, keysOfRest, readKeys } from "./keys.ts";
import type { Terminal } from "./terminal.ts";

/** A terminal taken over, until it is closed. */
export interface Screen {
  /** Shows those lines. While a frame is still on its way only the latest is kept. */
  show(lines: readonly string[]): void;
  /** Gives the terminal back as it was; once. */
  close(): void;
  /** Resolves when it is closed, or the terminal went away. */
  readonly closed: Promise<void>;
}

/** Lines too long for the terminal are cut by it instead of spoiling the next. */
const NO_WRAP = "\x1b[?7l";
const WRAP = "\x1b[?7h";
/** A rest of an escape sequence arrives sooner than this, or was the escape key. */
const ESCAPE_MS = 50;

/** Takes a terminal over; gives it back when the process ends, in whatever way it can notice. */
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
      // Nobody is there to be told.
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
      // The terminal went away.
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

/** After these the process ends, and what an error says is written to the terminal. */
const LAST_EVENTS = ["error", "unhandledrejection", "unload"] as const;

/** All lines in one write, each over the one before, so that nothing flickers. */
function frameOf(lines: readonly string[]): string {
  return ansi.beginSynchronizedOutput + ansi.cursorTo(0, 0) +
    lines.map((line) => line + ansi.eraseEndLine).join("\r\n") +
    ansi.eraseDown + ansi.endSynchronizedOutput;
}

/** Names the keys that are typed, until the terminal goes away. */
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
    // It went away with an error.
  }
  clearTimeout(timer);
}
