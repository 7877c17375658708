import { count, duration, type Format, rate, span } from "./format.ts";
import type { Palette } from "./paint.ts";
import { fit } from "./text.ts";
import type { Point } from "./trend.ts";

interface Line {
  readonly title: string;
  readonly value: (point: Point) => number | null;
  readonly format: Format;
  /** Any value above 0 needs attention. */
  readonly isBad?: boolean;
}

/** The most important first. */
const LINES: readonly Line[] = [
  { title: "Requests/s", value: (point) => point.requestsPerSecond, format: rate },
  { title: "TTFT p95", value: (point) => point.firstTokenP95, format: duration },
  { title: "Failed/s", value: (point) => point.failedPerSecond, format: rate, isBad: true },
  { title: "Waiting", value: (point) => point.waiting, format: count },
  { title: "Tokens/s", value: (point) => point.tokensPerSecond, format: rate },
];

const LEVELS = "▁▂▃▄▅▆▇█";
/** Time that one character of a line stands for. */
const CELL_MS = 5_000;
/** A quarter of an hour, as long as the history. */
const MOST_CELLS = 180;
const LEAST_CELLS = 8;
/** From this many columns, two lines may be drawn side by side. */
const WIDE = 140;
const GAP = 4;
const TITLE = 11;
const VALUE = 8;
const PEAK = "  max ";

/** Returns how many screen lines all sparklines take, without their heading. */
export function sparklineRows(width: number): number {
  return cellsIn(width, 1) < LEAST_CELLS ? 0 : LINES.length;
}

/**
 * Draws a heading and the most important lines, in `rows` screen lines; side by side if that shows
 * more of them.
 */
export function sparklines(
  points: readonly Point[],
  now: Point,
  width: number,
  rows: number,
  palette: Palette,
): string[] {
  const across = width >= WIDE && rows < LINES.length ? 2 : 1;
  const cells = cellsIn(width, across);
  const drawn = LINES.slice(0, rows * across).map((line) =>
    drawLine(line, points, now, cells, palette)
  );
  return [
    palette.heading(`Last ${span(cells * CELL_MS)}`),
    ...Array.from(
      { length: Math.ceil(drawn.length / across) },
      (_, row) => drawn.slice(row * across, (row + 1) * across).join(" ".repeat(GAP)),
    ),
  ];
}

/** Returns how many characters each sparkline has. */
function cellsIn(width: number, across: number): number {
  const each = Math.floor((width - GAP * (across - 1)) / across);
  return Math.min(MOST_CELLS, each - TITLE - 2 * VALUE - PEAK.length);
}

function drawLine(
  { title, value, format, isBad }: Line,
  points: readonly Point[],
  now: Point,
  cells: number,
  palette: Palette,
): string {
  const values = peaksOf([...points, now], value, now.at, cells);
  const known = values.filter((value) => value !== null);
  const top = known.length === 0 ? null : Math.max(...known);
  const paint = isBad && top ? palette.bad : palette.plain;
  return fit(title, TITLE) + paint(values.map((value) => levelOf(value, top)).join("")) +
    paint(fit(format(value(now)), VALUE, "right")) +
    palette.quiet(PEAK + fit(format(top), VALUE));
}

/** Returns the largest value of each cell, up to now; `null` where none is known. */
function peaksOf(
  points: readonly Point[],
  value: Line["value"],
  at: number,
  cells: number,
): (number | null)[] {
  const peaks = Array<number | null>(cells).fill(null);
  const first = Math.floor(at / CELL_MS) - cells + 1;
  for (const point of points) {
    const cell = Math.floor(point.at / CELL_MS) - first;
    const known = value(point);
    if (cell < 0 || cell >= cells || known === null) continue;
    peaks[cell] = Math.max(peaks[cell] ?? 0, known);
  }
  return peaks;
}

/** Any value above 0 is higher than the lowest level. */
function levelOf(value: number | null, top: number | null): string {
  if (value === null || top === null) return " ";
  return LEVELS[value > 0 ? Math.max(1, Math.round(value / top * (LEVELS.length - 1))) : 0]!;
}
