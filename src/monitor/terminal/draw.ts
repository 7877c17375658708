import type { View } from "../view.ts";
import { rowsOf } from "./order.ts";
import { type Palette, paletteOf } from "./paint.ts";
import { eventLines, footerLine, helpLines, identityLines, totalsLines } from "./parts.ts";
import { createTable } from "./table.ts";
import { fit, harmless, widthOf } from "./text.ts";
import { clamp, type Extent, firstUi, type Ui } from "./ui.ts";

/** Size of a terminal, in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Columns left free on either side. */
const MARGIN = 1;
/** Below this many rows, all lines are needed for servers. */
const LOW = 12;
/** Below this many rows, no events are shown. */
const LOW_FOR_EVENTS = 15;
const LEAST_EVENTS = 5;
const UNPAINTED = paletteOf(0);

/** Number of lines of each part. */
interface Layout extends Extent {
  /** Lines for events, including their title and an empty line on either side. */
  readonly events: number;
}

/** Draws the screen as lines, none wider than the terminal. */
export function drawScreen(view: View, ui: Ui, size: Size, palette: Palette): string[] {
  const width = widthIn(size);
  const layout = layoutOf(view, ui, size);
  const rows = rowsOf(view.servers, ui);
  const shown = { ...ui, offset: clamp(ui.offset, layout) };
  const low = size.rows < LOW;
  const header = headerLines(view, size, palette);
  const table = createTable(rows, ui, width, palette);
  const visible = rows.slice(shown.offset, shown.offset + layout.page);
  const servers = visible.map(table.line);
  if (rows.length === 0) servers.push(palette.quiet(fit("no such server", width)));

  const notice = ui.notice === undefined
    ? []
    : [palette.warning(fit(`! ${harmless(ui.notice)}`, width))];
  const middle = ui.help ? helpLines(palette) : [table.heading, ...servers];
  const events = layout.events === 0 || ui.help ? [] : [
    "",
    palette.heading("Events"),
    ...eventLines(view.events.slice(0, layout.events - 3), width, palette),
  ];
  const lines = [...header, ...(low ? notice : [notice[0] ?? ""]), ...middle, ...events]
    .map((line) => widthOf(line) > width ? fit(line, width) : line);
  const body = Math.max(0, size.rows - 1);
  return [
    ...lines.slice(0, body),
    ...Array<string>(Math.max(0, body - lines.length)).fill(""),
    footerLine(shown, layout, width, palette),
  ].map((line) => line === "" ? "" : " ".repeat(MARGIN) + line);
}

/** Returns how far the screen scrolls. */
export function extentOf(view: View, ui: Ui, size: Size): Extent {
  return layoutOf(view, ui, size);
}

/** Draws everything as plain text, as wide as needed. */
export function drawAll(view: View, models: boolean, palette: Palette): string[] {
  const ui = firstUi(models);
  const rows = rowsOf(view.servers, ui);
  const table = createTable(rows, ui, Infinity, palette);
  const longest = Math.max(10, ...view.events.map(({ text }) => widthOf(text)));
  return [
    ...identityLines(view, Infinity, palette),
    ...totalsLines(view, Infinity, palette),
    "",
    table.heading,
    ...rows.map(table.line),
    "",
    "Events",
    ...eventLines(view.events, longest + 10, palette),
  ].map((line) => line.trimEnd());
}

/** Draws the header; on a low screen only the fleet's health, in one line. */
function headerLines(view: View, size: Size, palette: Palette): string[] {
  const width = widthIn(size);
  const totals = totalsLines(view, width, palette);
  return size.rows < LOW ? totals.slice(0, 1) : [...identityLines(view, width, palette), ...totals];
}

const widthIn = ({ columns }: Size) => Math.max(1, columns - 2 * MARGIN);

/** Gives events at least a third of a high screen and any lines that servers leave free. */
function layoutOf(view: View, ui: Ui, size: Size): Layout {
  const height = size.rows;
  const rows = rowsOf(view.servers, ui).length;
  const header = headerLines(view, size, UNPAINTED).length;
  const notice = height >= LOW || ui.notice !== undefined ? 1 : 0;
  // The column titles and the footer take one line each.
  const free = Math.max(1, height - header - notice - 2);
  const least = height < LOW_FOR_EVENTS ? 0 : Math.max(LEAST_EVENTS, Math.floor(height / 3));
  const events = least === 0 ? 0 : Math.max(least, free - Math.max(1, rows));
  return { rows, page: Math.max(1, free - events), events };
}
