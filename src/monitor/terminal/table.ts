import { isDown } from "../../fleet/state/server.ts";
import { type Column, columns, modelsColumn } from "./columns.ts";
import { span } from "./format.ts";
import { isOut, type Row } from "./order.ts";
import type { Palette } from "./paint.ts";
import { fit, harmless, widthOf } from "./text.ts";
import type { Ui } from "./ui.ts";

/** A column with its displayed title and width. */
interface Placed {
  readonly column: Column;
  readonly title: string;
  readonly width: number;
}

const GAP = 2;
/** Width needed for a server's state and the beginning of its name. */
const ROOM_FOR_TWO = 16;

/** A table of servers: a heading and a line for each row. */
export interface Table {
  readonly heading: string;
  line(row: Row): string;
}

/**
 * Lays out a table.
 *
 * @param rows all rows, so that scrolling does not change widths
 * @param at wall-clock time of the view, in milliseconds
 * @param width available columns of the terminal
 */
export function createTable(
  rows: readonly Row[],
  at: number,
  ui: Pick<Ui, "models" | "sort">,
  width: number,
  palette: Palette,
): Table {
  const wanted = ui.models ? [...columns, modelsColumn] : columns;
  const placed = widen(place(wanted, rows, width), rows, width);
  const join = (cells: readonly string[]) => cells.join(" ".repeat(GAP));
  return {
    heading: join(placed.map(({ column, title, width }) => {
      const marked = column.sort === ui.sort && ui.sort !== "number" ? `▾${title}` : title;
      return palette.heading(fit(marked, width, column.align));
    })),
    line(row) {
      const cells = placed.map(({ column, width }) =>
        column.paint(row.server, palette)(fit(column.text(row, width), width, column.align))
      );
      const first = placed.findIndex(({ column }) => !column.outlives);
      if (!isOut(row.server) || first < 0) return join(cells);
      const end = placed.findLastIndex(({ column }) => !column.outlives) + 1;
      const reason = reasonOf(row, at, total(placed.slice(first, end)), width);
      const paint = isDown(row.server.state) ? palette.bad : palette.quiet;
      return join([...cells.slice(0, first), paint(reason), ...cells.slice(end)]);
    },
  };
}

/** Says since when and why a server is out, in `room` columns unless the width is unlimited. */
function reasonOf({ server }: Row, at: number, room: number, width: number): string {
  const reason = `for ${span(at - server.since)}: ${harmless(server.reason)}`;
  return width === Infinity ? reason.padEnd(room) : fit(reason, room);
}

/** Returns the columns that fit: all with long titles, or the most important with short ones. */
function place(wanted: readonly Column[], rows: readonly Row[], width: number): Placed[] {
  const long = wanted.map((column) => placedAs(column, column.title, rows));
  if (total(long) <= width) return long;
  let short = wanted.map((column) => placedAs(column, column.shortTitle, rows));
  const fewest = width < ROOM_FOR_TWO ? 1 : 2;
  while (total(short) > width && short.length > fewest) {
    const last = Math.max(...short.map(({ column }) => column.rank));
    short = short.filter(({ column }) => column.rank !== last);
  }
  const excess = Math.max(0, total(short) - width);
  return short.map((one) => one.column.rank === 0 ? { ...one, width: one.width - excess } : one);
}

/** Reserves space for the sort mark, so that sorting does not move columns. */
function placedAs(column: Column, title: string, rows: readonly Row[]): Placed {
  const marked = widthOf(title) + (column.sort && column.sort !== "number" ? 1 : 0);
  return { column, title, width: Math.max(column.least(rows), marked) };
}

const total = (placed: readonly Placed[]) =>
  placed.reduce((sum, { width }) => sum + width + GAP, -GAP);

/** Distributes the remaining width to columns that can use it, the most important first. */
function widen(placed: readonly Placed[], rows: readonly Row[], width: number): Placed[] {
  let left = width - total(placed);
  const wider = new Map<Column, number>();
  const turn = ({ column }: Placed) => column.elastic ? Infinity : column.rank;
  for (const { column, width } of placed.toSorted((a, b) => turn(a) - turn(b))) {
    const more = Math.max(0, Math.min(left, column.most(rows) - width));
    wider.set(column, width + more);
    left -= more;
  }
  return placed.map((one) => ({ ...one, width: wider.get(one.column)! }));
}
