import type { KeyView, ModelView } from "../view_tables.ts";
import { count, duration, percent, rate } from "./format.ts";
import type { Paint, Palette } from "./paint.ts";
import { fit, harmless, widthOf } from "./text.ts";

/** A column of text. */
interface Column<T> {
  readonly title: string;
  readonly text: (row: T) => string;
}

const GAP = "  ";
const LEAST_NAME = 12;

/** Shows the models, those without a healthy server first. */
export function modelLines(models: readonly ModelView[], width: number, palette: Palette) {
  const sorted = models.toSorted((a, b) => Number(a.healthy > 0) - Number(b.healthy > 0));
  return tableLines("model", sorted, width, palette, MODEL_COLUMNS, ({ healthy, servers }) => {
    if (healthy === 0) return palette.bad;
    return healthy < servers ? palette.warning : palette.plain;
  });
}

const MODEL_COLUMNS: readonly Column<ModelView>[] = [
  { title: "healthy", text: ({ healthy, servers }) => `${count(healthy)} of ${count(servers)}` },
  { title: "requests/s", text: ({ requestsPerSecond }) => rate(requestsPerSecond) },
  { title: "failed", text: ({ failedShare }) => percent(failedShare) },
  { title: "TTFT p50", text: ({ firstToken }) => duration(firstToken.p50) },
  { title: "TTFT p95", text: ({ firstToken }) => duration(firstToken.p95) },
  { title: "TTFT p99", text: ({ firstToken }) => duration(firstToken.p99) },
];

/** Shows the API keys that used most tokens within the last minute. */
export function keyLines(keys: readonly KeyView[], width: number, palette: Palette): string[] {
  return tableLines("API key", keys, width, palette, KEY_COLUMNS, ({ limitShare }) => {
    if (limitShare === null || limitShare < 0.7) return palette.plain;
    return limitShare < 0.9 ? palette.warning : palette.bad;
  });
}

const KEY_COLUMNS: readonly Column<KeyView>[] = [
  { title: "requests", text: ({ requests }) => count(requests) },
  { title: "requests/s", text: ({ requestsPerSecond }) => rate(requestsPerSecond) },
  { title: "tokens, last min", text: ({ tokensLastMinute }) => count(tokensLastMinute) },
  { title: "limit used", text: ({ limitShare }) => percent(limitShare) },
];

/** Draws a heading and a line for each row: its name, and figures aligned to the right. */
function tableLines<T extends { readonly name: string }>(
  title: string,
  rows: readonly T[],
  width: number,
  palette: Palette,
  columns: readonly Column<T>[],
  paintOf: (row: T) => Paint,
): string[] {
  if (rows.length === 0) return [palette.quiet(`no ${title}s`)];
  const widest = (texts: readonly string[]) => Math.max(...texts.map(widthOf));
  const widths = columns.map(({ title, text }) => widest([title, ...rows.map(text)]));
  const figures = widths.reduce((sum, width) => sum + width + GAP.length, 0);
  const names = rows.map(({ name }) => harmless(name));
  const nameWidth = Math.min(widest([title, ...names]), Math.max(LEAST_NAME, width - figures));
  const line = (name: string, cells: readonly string[]) =>
    [fit(name, nameWidth), ...cells.map((cell, i) => fit(cell, widths[i]!, "right"))].join(GAP);
  return [
    palette.heading(line(title, columns.map(({ title }) => title))),
    ...rows.map((row, i) => paintOf(row)(line(names[i]!, columns.map(({ text }) => text(row))))),
  ];
}
