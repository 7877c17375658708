// @ts-check
/// <reference lib="dom" />
/** @file Rows of the fleet table that have a single cell. */

import { byId, element } from "./elements.js";

/**
 * Creates a row whose cell is as wide as the table, which has fewer columns in narrow windows.
 *
 * @param {string} className
 * @param {HTMLElement} content
 */
export function wideRow(className, content) {
  const cell = element("td", "", content);
  cell.setAttribute("role", "cell");
  const line = element("tr", className, cell);
  line.setAttribute("role", "row");
  const columns = byId("columns");
  new ResizeObserver(() => {
    const shown = [...columns.children].filter((head) => head.clientWidth > 0).length;
    cell.colSpan = Math.max(1, shown);
  }).observe(columns);
  return line;
}
