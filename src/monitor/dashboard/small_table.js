// @ts-check
/// <reference lib="dom" />
/** @file The small tables: models, keys and failures. */

import { byId, element, keyed, setAttribute, setText } from "./elements.js";

/**
 * @template Item
 * @typedef {object} SmallColumn
 * @property {string} label
 * @property {string} [meaning] explanation, as a tooltip
 * @property {"number" | "words"} [kind] `words` may be cut off; `number` by default
 * @property {"minor" | "extra"} [rank] `minor` ones are hidden in narrow windows, `extra` ones on a phone
 * @property {(item: Item) => string} [text]
 * @property {(item: Item) => string} [tone]
 * @property {(item: Item) => Node} [content] instead of a text; never changes
 */

/**
 * Creates a table in the element with this id. Returns a function that updates it.
 *
 * @template Item
 * @param {string} id
 * @param {string} caption
 * @param {readonly SmallColumn<Item>[]} columns the first one names the row
 * @param {(item: Item) => string} keyOf
 */
export function smallTable(id, caption, columns, keyOf) {
  const heads = columns.map((column) => {
    const head = element("th", classOf(column), column.label);
    head.scope = "col";
    head.setAttribute("role", "columnheader");
    setAttribute(head, "title", column.meaning ?? null);
    return head;
  });
  const line = withRole(element("tr", "", ...heads), "row");
  const body = withRole(element("tbody"), "rowgroup");
  byId(id).append(
    element("caption", "unseen", caption),
    withRole(element("thead", "", line), "rowgroup"),
    body,
  );
  return keyed(body, keyOf, (item) => row(item, columns));
}

/**
 * @template Item
 * @param {Item} first
 * @param {readonly SmallColumn<Item>[]} columns
 */
function row(first, columns) {
  const cells = columns.map((column, at) => {
    const cell = at === 0 ? rowHead(column) : withRole(element("td", classOf(column)), "cell");
    cell.dataset.label = column.label;
    const text = column.kind === "words" ? element("span") : cell;
    if (text !== cell) cell.append(element("div", "elastic", text));
    if (column.content) text.append(column.content(first));
    return { column, cell, text };
  });
  return {
    line: withRole(element("tr", "", ...cells.map(({ cell }) => cell)), "row"),
    update(/** @type {Item} */ item) {
      for (const { column, cell, text } of cells) {
        if (column.text) {
          setText(text, column.text(item));
          if (text !== cell) setAttribute(text, "title", column.text(item));
        }
        if (column.tone) setAttribute(cell, "data-tone", column.tone(item));
      }
    },
  };
}

/** @param {SmallColumn<any>} column */
function rowHead(column) {
  const head = withRole(element("th", classOf(column)), "rowheader");
  head.scope = "row";
  return head;
}

/** @param {Pick<SmallColumn<any>, "kind" | "rank">} column */
const classOf = ({ kind = "number", rank }) => rank ? `${kind} ${rank}` : kind;

/**
 * Style sheets that change how tables are displayed would take away their roles.
 *
 * @template {HTMLElement} Element
 * @param {Element} made
 * @param {string} role
 */
function withRole(made, role) {
  made.setAttribute("role", role);
  return made;
}
