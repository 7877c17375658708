// @ts-check
/** @file Charts in words, for screen readers. */

/** @import { Line } from "./chart.js" */
/** @import { Format } from "./format.js" */
/** @import { Mark } from "./marks.js" */
import { UNKNOWN } from "./format.js";
import { markText } from "./marks.js";

/**
 * Describes the chart for screen readers, one sentence per line.
 *
 * @param {string} title
 * @param {string} unit
 * @param {readonly Line[]} lines
 * @param {Format} format
 * @param {readonly Mark[]} marks newest first
 */
export function summary(title, unit, lines, format, marks) {
  const sentences = lines.filter((line) => line !== undefined).map(({ label, row }) => {
    const values = row.filter((value) => value !== null);
    const highest = values.length === 0 ? UNKNOWN : format(values.reduce((a, b) => Math.max(a, b)));
    return `${label}: now ${format(row.at(-1))}, highest ${highest}.`;
  });
  const [mark] = marks;
  if (mark) sentences.push(`Last change of state: ${markText([mark])}.`);
  return [`${title}, ${unit}.`, ...sentences].join(" ");
}
