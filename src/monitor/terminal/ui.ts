import type { Key } from "./keys.ts";

/** What the person before the screen has chosen to see. */
export interface Ui {
  /** Servers scrolled past. */
  readonly offset: number;
  readonly sort: Sort;
  readonly onlyUnhealthy: boolean;
  readonly help: boolean;
  /** Whether a server's models are shown. */
  readonly models: boolean;
  /** What needs to be known now, such as a lost connection. */
  readonly notice?: string;
}

/** How the servers are ordered: as configured, or the largest first. */
export const sorts = [
  "number",
  "state",
  "usage",
  "waiting",
  "first token",
  "tokens/s",
  "errors",
] as const;

/** One of {@linkcode sorts}. */
export type Sort = typeof sorts[number];

/** How far there is to scroll. */
export interface Extent {
  /** Servers there are to show. */
  readonly rows: number;
  /** Servers shown at a time. */
  readonly page: number;
}

/** What is shown before any key is pressed. */
export function firstUi(models: boolean): Ui {
  return { offset: 0, sort: "number", onlyUnhealthy: false, help: false, models };
}

/** What is shown after a key. */
export function handleKey(ui: Ui, key: Key, extent: Extent): Ui {
  if (ui.help) return { ...ui, help: false };
  switch (key) {
    case "?":
      return { ...ui, help: true };
    case "s":
      return { ...ui, sort: sorts[(sorts.indexOf(ui.sort) + 1) % sorts.length]!, offset: 0 };
    case "f":
      return { ...ui, onlyUnhealthy: !ui.onlyUnhealthy, offset: 0 };
    default:
      return { ...ui, offset: clamp(scrolled(clamp(ui.offset, extent), key, extent), extent) };
  }
}

/** The nearest offset that leaves no row of the page empty. */
export function clamp(offset: number, { rows, page }: Extent): number {
  return Math.max(0, Math.min(offset, rows - page));
}

function scrolled(offset: number, key: Key, { rows, page }: Extent): number {
  switch (key) {
    case "up":
      return offset - 1;
    case "down":
      return offset + 1;
    case "page up":
      return offset - page;
    case "page down":
      return offset + page;
    case "home":
      return 0;
    case "end":
      return rows;
    default:
      return offset;
  }
}
