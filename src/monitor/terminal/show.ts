import type { View } from "../view.ts";
import { drawScreen, extentOf, type Size } from "./draw.ts";
import type { Palette } from "./paint.ts";
import { openScreen } from "./screen.ts";
import type { Terminal } from "./terminal.ts";
import { firstUi, handleKey } from "./ui.ts";

/** What a screen shows, and its callbacks. */
export interface ShowOptions {
  readonly terminal: Terminal;
  readonly palette: Palette;
  /** Returns the latest view. */
  readonly view: () => View;
  /** Returns a current notice, if any. */
  readonly notice: () => string | undefined;
  /** Whether a server's models are shown. */
  readonly models: boolean;
  /** Called on each `q` or Ctrl-C. */
  readonly onQuit: () => void;
}

/** An open screen. */
export interface Shown {
  /** Restores the terminal. */
  close(): void;
  /** Resolves when the terminal is restored or has disappeared. */
  readonly closed: Promise<void>;
}

/** Interval between two frames. */
const FRAME_MS = 500;

/** Shows the fleet on a terminal until closed. Redraws twice a second and after each key. */
export function showFleet(options: ShowOptions): Shown {
  const { terminal, palette } = options;
  let ui = firstUi(options.models);
  let size: Size = { columns: 80, rows: 24 };

  const screen = openScreen(terminal, (key) => {
    if (key === "q" || key === "ctrl-c") options.onQuit();
    else ui = handleKey(ui, key, extentOf(options.view(), ui, size));
    draw();
  });

  function draw(): void {
    try {
      size = terminal.size();
    } catch {
      // The terminal has disappeared; the next write detects it.
    }
    const notice = options.notice();
    const shown = notice === undefined ? ui : { ...ui, notice };
    try {
      screen.show(drawScreen(options.view(), shown, size, palette));
    } catch (error) {
      // A drawing error must not stop routing.
      screen.close();
      console.error(error);
    }
  }

  const timer = setInterval(draw, FRAME_MS);
  const forgetResize = terminal.onResize(draw);
  const closed = screen.closed.then(() => {
    clearInterval(timer);
    forgetResize();
  });
  draw();
  return { close: screen.close, closed };
}
