// @ts-check
/// <reference lib="dom" />
/** @file Sorting of the fleet table: by its headers or, where it shows cards, by a list. */

import { COLUMNS } from "./columns.js";
import { byId, element, setAttribute } from "./elements.js";

/** @typedef {{ column: string, order: "ascending" | "descending" }} Sorting */

/** @param {import("./columns.js").Column} column */
const isNumber = ({ kind }) => kind === "number" || kind === "meter";

/**
 * Returns the order that a column is first sorted in.
 *
 * @param {import("./columns.js").Column} column
 */
const firstOrder = (column) => isNumber(column) ? "descending" : "ascending";

/**
 * Creates the headers and the list. Returns a function that tells the chosen sorting.
 *
 * @param {() => void} onChange
 * @returns {() => Sorting | undefined}
 */
export function createSorting(onChange) {
  /** @type {Sorting | undefined} */
  let sorting;
  const list = /** @type {HTMLSelectElement} */ (byId("sort"));
  const heads = COLUMNS.map((column) => {
    const button = element("button", "", column.label);
    button.type = "button";
    button.title = column.meaning;
    const head = element("th", isNumber(column) ? "number" : column.kind, button);
    head.scope = "col";
    head.dataset.column = column.id;
    head.setAttribute("role", "columnheader");
    button.addEventListener(
      "click",
      () => choose(nextSorting(sorting, column.id, firstOrder(column))),
    );
    return { id: column.id, head };
  });
  byId("columns").append(...heads.map(({ head }) => head));
  list.append(...COLUMNS.map(({ id, label }) => new Option(label, id)));
  list.addEventListener("change", () => {
    const column = COLUMNS.find(({ id }) => id === list.value);
    choose(column && { column: column.id, order: firstOrder(column) });
  });

  /** @param {Sorting | undefined} chosen */
  function choose(chosen) {
    sorting = chosen;
    list.value = chosen?.column ?? "";
    for (const { id, head } of heads) {
      setAttribute(head, "aria-sort", chosen?.column === id ? chosen.order : null);
    }
    onChange();
  }
  return () => sorting;
}

/**
 * Returns the next sorting of a clicked column: its first order, then the other, then none.
 *
 * @param {Sorting | undefined} now
 * @param {string} column
 * @param {Sorting["order"]} first
 * @returns {Sorting | undefined}
 */
function nextSorting(now, column, first) {
  if (now?.column !== column) return { column, order: first };
  if (now.order !== first) return undefined;
  return { column, order: first === "ascending" ? "descending" : "ascending" };
}
