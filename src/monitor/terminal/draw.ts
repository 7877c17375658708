import type { View } from "../view.ts";
import { type Detail, detailLines } from "./detail.ts";
import { alarmLines, identityLine, totalsLines } from "./header.ts";
import { helpLines } from "./help.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { type Row, rowsOf } from "./order.ts";
import { type Palette, paletteOf } from "./paint.ts";
import { eventLines, footerLine } from "./parts.ts";
import { sparklineRows, sparklines } from "./sparklines.ts";
import { createTable } from "./table.ts";
import { keyLines, modelLines } from "./tables.ts";
import { fit, harmless, widthOf } from "./text.ts";
import { type Point, pointOf } from "./trend.ts";
import { type Extent, firstUi, offsetOf, type Ui } from "./ui.ts";

/** Size of a terminal, in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What is known of the fleet at the moment. */
export interface Scene {
  readonly view: View;
  /** The last quarter of an hour, oldest first. */
  readonly points: readonly Point[];
  /** The server whose page is open. */
  readonly detail: Detail;
}

/** What the fleet's page shows. */
interface Plan {
  readonly rows: readonly Row[];
  readonly extent: Extent;
  readonly layout: Layout;
}

/** Columns left free on either side; a mark in the left one shows the selected server. */
const MARGIN = 1;
/** Below this many rows, all lines are needed for servers. */
const LOW = 12;
const UNPAINTED = paletteOf(0);

/** Draws the screen as lines, none wider than the terminal. */
export function drawScreen(scene: Scene, ui: Ui, size: Size, palette: Palette): string[] {
  const width = widthIn(size);
  const plan = planOf(scene, ui, size);
  const top = topLines(scene.view, ui, size, palette);
  const body = Math.max(0, size.rows - 1);
  const main = ui.page === "fleet"
    ? fleetLines(scene, ui, plan, width, palette)
    : cutTo(body - top.length, pageLines(scene, ui, width, palette), palette).map(indented);
  const lines = [...top.map(indented), ...main].slice(0, body)
    .map((line) => widthOf(line) > width + MARGIN ? fit(line, width + MARGIN) : line);
  return [
    ...lines,
    ...Array<string>(body - lines.length).fill(""),
    indented(footerLine(ui, plan.extent, width, palette)),
  ];
}

/** Returns the servers to select from. */
export function extentOf(scene: Scene, ui: Ui, size: Size): Extent {
  return planOf(scene, ui, size).extent;
}

/** Draws everything as plain text, as wide as needed. */
export function drawAll(view: View, models: boolean, palette: Palette): string[] {
  const rows = rowsOf(view.servers, firstUi(models));
  const table = createTable(rows, view.at, firstUi(models), Infinity, palette);
  const longest = Math.max(10, ...view.events.map(({ text }) => widthOf(text)));
  return [
    ...alarmLines(view, Infinity, palette),
    identityLine(view, Infinity, palette),
    ...totalsLines(view, Infinity, palette),
    "",
    table.heading,
    ...rows.map(table.line),
    "",
    ...(view.models.length > 0 ? [...modelLines(view.models, Infinity, palette), ""] : []),
    ...(view.keys.length > 0 ? [...keyLines(view.keys, Infinity, palette), ""] : []),
    "Events",
    ...eventLines(view.events, longest + 12, palette),
  ].map((line) => line.trimEnd());
}

/** Draws what stands above every page; on a low screen only the fleet's health, in one line. */
function topLines(view: View, ui: Ui, size: Size, palette: Palette): string[] {
  const width = widthIn(size);
  const alarms = alarmLines(view, width, palette);
  const totals = totalsLines(view, width, palette);
  const notice = ui.notice === undefined
    ? undefined
    : palette.warning(fit(`! ${harmless(ui.notice)}`, width));
  if (size.rows < LOW) return [...alarms, totals[0], ...(notice ? [notice] : [])];
  return [...alarms, identityLine(view, width, palette), ...totals, notice ?? ""];
}

/** Draws the servers, their trend and the events. */
function fleetLines(
  { view, points }: Scene,
  ui: Ui,
  { rows, extent, layout }: Plan,
  width: number,
  palette: Palette,
): string[] {
  const table = createTable(rows, view.at, ui, width, palette);
  const offset = offsetOf(ui, extent);
  const servers = rows.slice(offset, offset + layout.servers).map((row) =>
    row.server.url === ui.selected
      ? palette.title(">") + palette.heading(table.line(row))
      : indented(table.line(row))
  );
  if (rows.length === 0) servers.push(indented(palette.quiet(fit("no such server", width))));
  const trend = layout.trend === 0
    ? []
    : ["", ...sparklines(points, pointOf(view), width, layout.trend, palette)];
  const events = layout.events === 0 ? [] : [
    "",
    palette.heading("Events"),
    ...eventLines(view.events.slice(0, layout.events), width, palette),
  ];
  return [indented(table.heading), ...servers, ...[...trend, ...events].map(indented)];
}

/** Draws what takes the place of the servers. */
function pageLines({ view, detail }: Scene, ui: Ui, width: number, palette: Palette): string[] {
  switch (ui.page) {
    case "server":
      return detailLines(view, ui.selected, detail, width, palette);
    case "models":
      return modelLines(view.models, width, palette);
    case "keys":
      return keyLines(view.keys, width, palette);
    default:
      return helpLines(palette);
  }
}

/** Decides how many lines each part gets, and which servers can be shown. */
function planOf({ view }: Scene, ui: Ui, size: Size): Plan {
  const rows = rowsOf(view.servers, ui);
  // The column titles and the footer take one line each.
  const free = size.rows - topLines(view, ui, size, UNPAINTED).length - 2;
  const most = sparklineRows(widthIn(size));
  const layout = layoutOf(size.rows, free, rows.length, view.events.length, most);
  const extent = { urls: rows.map(({ server }) => server.url), page: layout.servers };
  return { rows, layout, extent };
}

/** Shows the first lines and how many more there are. */
function cutTo(room: number, lines: readonly string[], palette: Palette): readonly string[] {
  if (lines.length <= room || room < 2) return lines;
  const shown = lines.slice(0, room - 1);
  return [...shown, palette.quiet(`and ${lines.length - shown.length} more lines`)];
}

const widthIn = ({ columns }: Size) => Math.max(1, columns - 2 * MARGIN);
const indented = (line: string) => line === "" ? "" : " ".repeat(MARGIN) + line;
