import { median } from "../support/statistics.ts";
import type { Results } from "./report.ts";
import type { Figures } from "./sample.ts";

/** One scenario in the plot. */
export interface Panel {
  readonly title: string;
  readonly results: Results;
}

const WIDTH = 760;
const LABELS = 130;
const MARGIN = 20;
const ROW = 22;
const TITLE = 34;
const FOOT = 44;
const COLOURS: Readonly<Record<string, string>> = { least_work: "#c2410c", perfect: "#15803d" };
const OTHER_COLOUR = "#475569";

/**
 * Draws the time to first token as SVG, on one logarithmic axis for all scenarios: for each
 * contender a line from the median to the p99, with a dot at the mean.
 */
export function drawPlot(panels: readonly Panel[], subtitle: string): string {
  const all = panels.flatMap(({ results }) => [...results.values()].map(middle));
  const low = Math.min(...all.map(({ p50 }) => p50));
  const high = Math.max(...all.map(({ p99, mean }) => Math.max(p99, mean)));
  const xOf = logarithmic(low * 0.9, high * 1.1);
  let y = MARGIN + 30;
  const parts = [
    text(MARGIN, MARGIN + 4, "Time to first token", `font-size="16" font-weight="600"`),
    text(MARGIN, MARGIN + 22, subtitle, `fill="#64748b"`),
  ];
  for (const { title, results } of panels) {
    parts.push(text(MARGIN, y + TITLE - 10, title, `font-weight="600"`));
    y += TITLE;
    for (const [name, summaries] of results) {
      parts.push(...row(name, middle(summaries), y, xOf));
      y += ROW;
    }
  }
  // Drawn first, beneath everything else.
  parts.unshift(...axis(low, high, y, xOf));
  const height = y + FOOT;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
    `font-family="system-ui, sans-serif" font-size="12" fill="#0f172a">\n` +
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>\n${parts.join("\n")}\n</svg>\n`;
}

function row(name: string, { p50, mean, p99 }: Figures, y: number, xOf: Scale): string[] {
  const colour = COLOURS[name] ?? OTHER_COLOUR;
  const middleY = y + ROW / 2;
  const line = `x1="${xOf(p50)}" x2="${xOf(p99)}" y1="${middleY}" y2="${middleY}"`;
  return [
    text(MARGIN, middleY + 4, name, ""),
    `<line ${line} stroke="${colour}" stroke-width="4" stroke-linecap="round" opacity="0.45"/>`,
    `<circle cx="${xOf(mean)}" cy="${middleY}" r="5" fill="${colour}"/>`,
  ];
}

function axis(low: number, high: number, y: number, xOf: Scale): string[] {
  const ticks = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300]
    .filter((seconds) => seconds * 1000 >= low * 0.9 && seconds * 1000 <= high * 1.1);
  return ticks.flatMap((seconds) => {
    const x = xOf(seconds * 1000);
    return [
      `<line x1="${x}" x2="${x}" y1="${MARGIN + 34}" y2="${y}" stroke="#e2e8f0" ` +
      `stroke-dasharray="2 3"/>`,
      text(x, y + 16, `${seconds} s`, `text-anchor="middle" fill="#64748b"`),
    ];
  }).concat(text(LABELS + MARGIN, y + 34, "line: median to p99, dot: mean", `fill="#64748b"`));
}

type Scale = (milliseconds: number) => number;

function logarithmic(low: number, high: number): Scale {
  const width = WIDTH - LABELS - 2 * MARGIN;
  const span = Math.log(high) - Math.log(low);
  return (value) =>
    Math.round(LABELS + MARGIN + width * (Math.log(Math.max(value, low)) - Math.log(low)) / span);
}

/** Returns the median of the repeats for each figure. */
function middle(summaries: readonly { readonly firstToken: Figures }[]): Figures {
  const of = (read: (figures: Figures) => number) =>
    median(summaries.map(({ firstToken }) => read(firstToken)));
  return {
    mean: of(({ mean }) => mean),
    p50: of(({ p50 }) => p50),
    p90: of(({ p90 }) => p90),
    p99: of(({ p99 }) => p99),
  };
}

function text(x: number, y: number, words: string, attributes: string): string {
  const escaped = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x}" y="${y}" ${attributes}>${escaped}</text>`;
}
