import type { History } from "../history.ts";
import type { View } from "../view.ts";
import { toAscii } from "./ascii.ts";
import type { Detail } from "./detail.ts";
import { drawScreen, extentOf, type Scene, type Size } from "./draw.ts";
import type { Palette } from "./paint.ts";
import { openScreen } from "./screen.ts";
import type { Terminal } from "./terminal.ts";
import { createTrend } from "./trend.ts";
import { firstUi, handleKey } from "./ui.ts";

/** What a screen shows, and its callbacks. */
export interface ShowOptions {
  readonly terminal: Terminal;
  readonly palette: Palette;
  /** Whether the terminal shows only ASCII. */
  readonly onlyAscii: boolean;
  /** Returns the latest view. */
  readonly view: () => View;
  /** Returns what is known of the server at this URL. Called for each frame of its page. */
  readonly detail: (url: string) => Detail;
  /** The time before the first view. @default none */
  readonly history?: History | undefined;
  /** Returns a current notice, if any. */
  readonly notice: () => string | undefined;
  /** Whether a server's models are shown. */
  readonly models: boolean;
  /** Called on each Ctrl-C, and on each `q` that doesn't close a page. */
  readonly onQuit: () => void;
}

/** An open screen. */
export interface Shown {
  /** Draws the screen now. */
  draw(): void;
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
  const trend = createTrend(options.history);
  let ui = firstUi(options.models);
  let size: Size = { columns: 80, rows: 24 };

  const screen = openScreen(terminal, (key) => {
    if (key === "ctrl-c" || key === "q" && ui.page === "fleet") {
      ui = { ...ui, page: "fleet" };
      options.onQuit();
    } else ui = handleKey(ui, key, extentOf(sceneNow(), ui, size));
    draw();
  });

  function sceneNow(): Scene {
    const view = options.view();
    trend.add(view);
    const isOpen = ui.page === "server" && ui.selected !== undefined;
    return {
      view,
      points: trend.points(),
      detail: isOpen ? options.detail(ui.selected!) : undefined,
    };
  }

  function draw(): void {
    try {
      size = terminal.size();
    } catch {
      // The terminal has disappeared; the next write detects it.
    }
    const notice = options.notice();
    const shown = notice === undefined ? ui : { ...ui, notice };
    try {
      const lines = drawScreen(sceneNow(), shown, size, palette);
      screen.show(options.onlyAscii ? lines.map(toAscii) : lines);
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
  return { draw, close: screen.close, closed };
}
