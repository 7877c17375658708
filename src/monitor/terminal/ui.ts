import type { Key } from "./keys.ts";

/** What the user has chosen to see. */
export interface Ui {
  /** Number of servers scrolled past. */
  readonly offset: number;
  readonly sort: Sort;
  readonly onlyUnhealthy: boolean;
  readonly help: boolean;
  /** Whether a server's models are shown. */
  readonly models: boolean;
  /** A current notice, such as a lost connection. */
  readonly notice?: string;
}

/** Sort orders: as configured, or largest first. */
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

/** How far the list can scroll. */
export interface Extent {
  /** Number of servers to show. */
  readonly rows: number;
  /** Number of servers visible at a time. */
  readonly page: number;
}

/** Returns the initial state, before any key is pressed. */
export function firstUi(models: boolean): Ui {
  return { offset: 0, sort: "number", onlyUnhealthy: false, help: false, models };
}

/** Returns the state after a key. */
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

/** Returns the nearest offset that leaves no row of the page empty. */
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
