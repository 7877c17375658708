import type { View } from "../view.ts";
import { drawScreen, extentOf, type Size } from "./draw.ts";
import type { Palette } from "./paint.ts";
import { openScreen } from "./screen.ts";
import type { Terminal } from "./terminal.ts";
import { firstUi, handleKey } from "./ui.ts";

/** What a screen shows and whom it tells. */
export interface ShowOptions {
  readonly terminal: Terminal;
  readonly palette: Palette;
  /** The latest there is to see. */
  readonly view: () => View;
  /** What needs to be known now. */
  readonly notice: () => string | undefined;
  /** Whether a server's models are shown. */
  readonly models: boolean;
  /** Hears of each press of `q` or Ctrl-C. */
  readonly onQuit: () => void;
}

/** A screen that people leave open. */
export interface Shown {
  /** Gives the terminal back. */
  close(): void;
  /** Resolves when the terminal is given back, or went away. */
  readonly closed: Promise<void>;
}

/** Between two frames. */
const FRAME_MS = 500;

/** Shows the fleet on a terminal, twice a second and after each key, until it is closed. */
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
      // The terminal went away, which the next write finds out.
    }
    const notice = options.notice();
    const shown = notice === undefined ? ui : { ...ui, notice };
    try {
      screen.show(drawScreen(options.view(), shown, size, palette));
    } catch (error) {
      // A fleet that can't be drawn is no reason to stop routing.
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
