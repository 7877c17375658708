// @ts-check
/// <reference lib="dom" />
/** @file One chart: a uPlot canvas, a legend with values, and a text summary. */

/** @import uPlot from "uplot" */
/** @import { Format } from "./format.js" */
/** @import { Mark } from "./marks.js" */
/** @import { Row } from "./past.js" */
import { summary } from "./chart_text.js";
import { element, setAttribute, setText } from "./elements.js";
import { timeOfDay, timeOfDayShort } from "./format.js";
import { drawMarks, marksAtPointer } from "./mark_lines.js";
import { colour } from "./theme.js";

const HEIGHT = 150;
/** Minimum time range shown, so that the lines of a freshly started router do not jump. */
const LEAST_SECONDS = 60;
const DIMMED = 0.18;
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/**
 * A line, or `undefined` for a free slot.
 *
 * @typedef {{ label: string, row: Row } | undefined} Line
 */
/**
 * @typedef {object} ChartOptions
 * @property {string} title
 * @property {string} unit
 * @property {readonly string[]} colours names of the style sheet's colours, one per line
 * @property {Format} format
 * @property {boolean} [filled] whether the area below the line is tinted
 * @property {boolean} [isWhole] whether values are integers
 * @property {boolean} [omitsZeros] whether a line is not drawn while it is zero throughout
 * @property {(marks: readonly Mark[]) => void} onMarks tells of the marks under the pointer
 * @property {number} [top] minimum upper end of the scale. @default 1
 */
/**
 * @typedef {object} Chart
 * @property {HTMLElement} figure
 * @property {(times: number[], lines: readonly Line[], marks: readonly Mark[]) => void} draw
 * @property {(line: number | undefined) => void} highlight dims all lines except one
 * @property {() => void} recolour
 */

/** uPlot is a separate script, loaded before this one. */
const Plot = /** @type {typeof uPlot} */ (Reflect.get(globalThis, "uPlot"));

/**
 * @param {ChartOptions} options
 * @returns {Chart}
 */
export function createChart(
  { title, unit, colours, format, filled, isWhole, omitsZeros, top = 1, onMarks },
) {
  const box = element("div", "plot");
  box.setAttribute("role", "img");
  const key = element("ul", "key");
  const heading = element("h3", "", title);
  const shownUnit = element("span", "unit", unit);
  const figure = element(
    "figure",
    "chart",
    element("figcaption", "", heading, shownUnit),
    box,
    key,
  );
  const items = colours.map((name) => {
    const label = element("span", "label");
    const value = element("span", "value");
    const item = element("li", "", label, value);
    item.style.setProperty("--swatch", `var(--${name})`);
    item.hidden = true;
    key.append(item);
    return { item, label, value };
  });

  /** @type {readonly Line[]} */
  let lines = [];
  /** @type {readonly Mark[]} */
  let marks = [];
  /** @type {number | undefined} */
  let highlighted;
  /** @param {number} line @param {string} name */
  const stroke = (line, name) =>
    highlighted === undefined || highlighted === line ? colour(name) : faint(colour(name), DIMMED);
  const axis = {
    stroke: () => colour("quiet"),
    grid: { stroke: () => colour("line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  const plot = new Plot(
    {
      width: 300,
      height: HEIGHT,
      padding: [8, 30, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: "dashboard" }, drag: { x: false, y: false }, points: { size: 6 } },
      scales: {
        x: { range: (_, from, to) => [Math.min(from, to - LEAST_SECONDS), to] },
        y: { range: (_, _from, to) => [0, Math.max(top, (to ?? 0) * 1.1)] },
      },
      axes: [
        { ...axis, space: 80, size: 26, values: (_, times) => timeLabels(times) },
        {
          ...axis,
          space: 32,
          size: 56,
          values: (_, values) => values.map(format),
          ...(isWhole && { incrs: WHOLE_STEPS }),
        },
      ],
      series: [
        {},
        ...colours.map((name, line) => ({
          stroke: () => stroke(line, name),
          width: 1.6,
          points: { show: false },
          ...(filled && { fill: () => faint(colour(name), 0.12) }),
        })),
      ],
      hooks: {
        setCursor: [(plot) => {
          showValues();
          onMarks(marksAtPointer(plot, marks));
        }],
        draw: [(plot) => drawMarks(plot, marks)],
      },
    },
    [[], ...colours.map(() => [])],
    box,
  );
  new ResizeObserver(() => {
    if (box.clientWidth > 0) plot.setSize({ width: box.clientWidth, height: HEIGHT });
  }).observe(box);

  /** Shows the values under the pointer, or the latest ones when it is elsewhere. */
  function showValues() {
    const at = plot.cursor.idx;
    items.forEach(({ item, label, value }, index) => {
      const line = lines[index];
      item.hidden = line === undefined;
      if (!line) return;
      setText(label, line.label);
      setAttribute(label, "title", line.label);
      setText(value, format(at === null || at === undefined ? line.row.at(-1) : line.row[at]));
    });
    const time = at === null || at === undefined ? undefined : plot.data[0][at];
    setText(shownUnit, time === undefined ? unit : timeOfDay(time * 1000));
  }

  return {
    figure,
    draw(times, drawn, marked) {
      lines = drawn;
      marks = marked;
      const empty = new Array(times.length).fill(null);
      plot.setData([
        times.map((time) => time / 1000),
        ...colours.map((_, line) => {
          const row = drawn[line]?.row ?? empty;
          return omitsZeros && !row.some(Boolean) ? empty : row;
        }),
      ]);
      showValues();
      setAttribute(box, "aria-label", summary(title, unit, drawn, format, marked));
    },
    highlight(line) {
      if (line === highlighted) return;
      highlighted = line;
      plot.redraw(false);
    },
    recolour: () => plot.redraw(false),
  };
}

/**
 * Returns the time labels, with seconds unless all are zero.
 *
 * @param {number[]} seconds
 */
function timeLabels(seconds) {
  const label = seconds.every((time) => time % 60 === 0) ? timeOfDayShort : timeOfDay;
  return seconds.map((time) => label(time * 1000));
}

/**
 * @param {string} rgb such as `rgb(1, 2, 3)`
 * @param {number} share
 */
const faint = (rgb, share) => `color-mix(in srgb, ${rgb} ${share * 100}%, transparent)`;
