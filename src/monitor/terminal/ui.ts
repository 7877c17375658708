import type { Key } from "./keys.ts";

/** What the screen shows below its header. */
export type Page = "fleet" | "server" | "models" | "keys" | "help";

/** What the user has chosen to see. */
export interface Ui {
  readonly page: Page;
  /** Number of servers scrolled past. */
  readonly offset: number;
  /** URL of the selected server, wherever the order puts it. */
  readonly selected?: string;
  readonly sort: Sort;
  readonly onlyUnhealthy: boolean;
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
  "TTFT p95",
  "tokens/s",
  "errors",
] as const;

/** One of {@linkcode sorts}. */
export type Sort = typeof sorts[number];

/** The list of servers to select from. */
export interface Extent {
  /** URLs of the servers to show, in the order shown. */
  readonly urls: readonly string[];
  /** Number of servers visible at a time. */
  readonly page: number;
}

/** Pages by the key that opens and closes them. */
const PAGE_KEYS: Readonly<Record<Key, Page>> = {
  "?": "help",
  m: "models",
  a: "keys",
  enter: "server",
};

/** Returns the initial state, before any key is pressed. */
export function firstUi(models: boolean): Ui {
  return { page: "fleet", offset: 0, sort: "number", onlyUnhealthy: false, models };
}

/** Returns the state after a key. */
export function handleKey(ui: Ui, key: Key, extent: Extent): Ui {
  if (ui.page === "help") return { ...ui, page: "fleet" };
  const page = PAGE_KEYS[key];
  if (page === "server" && ui.page === "fleet") return opened(ui, extent);
  if (page) return { ...ui, page: page === ui.page || page === "server" ? "fleet" : page };
  if (ui.page !== "fleet") return key === "escape" || key === "q" ? { ...ui, page: "fleet" } : ui;
  switch (key) {
    case "s":
      return { ...ui, sort: sorts[(sorts.indexOf(ui.sort) + 1) % sorts.length]!, offset: 0 };
    case "f":
      return { ...ui, onlyUnhealthy: !ui.onlyUnhealthy, offset: 0 };
    default:
      return moved(ui, key, extent);
  }
}

/** Returns the offset at which no row of the page is empty and the selected server is visible. */
export function offsetOf({ offset, selected }: Ui, { urls, page }: Extent): number {
  const index = indexOf(selected, urls);
  const shown = index < 0 ? offset : Math.min(Math.max(offset, index - page + 1), index);
  return Math.max(0, Math.min(shown, urls.length - page));
}

const indexOf = (url: string | undefined, urls: readonly string[]) =>
  url === undefined ? -1 : urls.indexOf(url);

/** Opens the selected server, or the first visible one. */
function opened(ui: Ui, extent: Extent): Ui {
  const index = indexOf(ui.selected, extent.urls);
  const url = extent.urls[index < 0 ? offsetOf(ui, extent) : index];
  return url === undefined ? ui : { ...ui, selected: url, page: "server" };
}

/** Moves the selection; without one, selects the first visible server. */
function moved(ui: Ui, key: Key, extent: Extent): Ui {
  const { urls, page } = extent;
  const step = stepOf(key, page);
  if (step === undefined || urls.length === 0) return ui;
  const index = indexOf(ui.selected, urls);
  const at = index < 0 && Number.isFinite(step)
    ? offsetOf(ui, extent)
    : Math.max(0, Math.min(index + step, urls.length - 1));
  const next = { ...ui, selected: urls[at]! };
  return { ...next, offset: offsetOf(next, extent) };
}

/** Returns by how many servers a key moves the selection. */
function stepOf(key: Key, page: number): number | undefined {
  switch (key) {
    case "up":
    case "k":
      return -1;
    case "down":
    case "j":
      return 1;
    case "page up":
      return -page;
    case "page down":
      return page;
    case "home":
      return -Infinity;
    case "end":
      return Infinity;
    default:
      return undefined;
  }
}
