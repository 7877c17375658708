// @ts-check
/// <reference lib="dom" />
/** @file A server's row in the fleet table. */

/** @import { ServerView } from "../view.ts" */
/** @import { Column } from "./columns.js" */
import { COLUMNS } from "./columns.js";
import { bar, element, fillBar, setAttribute, setText } from "./elements.js";
import { toneOf } from "./format.js";

/**
 * @typedef {object} Row
 * @property {HTMLTableRowElement} line
 * @property {(server: ServerView, colour: string | undefined, selected: boolean) => void} update
 */

/**
 * @param {string} url
 * @param {() => void} onSelect
 * @returns {Row}
 */
export function createRow(url, onSelect) {
  const name = element("button", "name");
  name.type = "button";
  name.addEventListener("click", onSelect);
  const address = element("span", "under address");
  const reason = element("span", "under reason");
  const head = element("th", "", element("div", "elastic", name, address, reason));
  head.scope = "row";
  head.setAttribute("role", "rowheader");
  const cells = COLUMNS.slice(1).map((column) => ({ column, ...cell(column) }));
  const line = element("tr", "", head, ...cells.map(({ box }) => box));
  line.setAttribute("role", "row");
  line.dataset.url = url;

  return {
    line,
    update(server, colour, selected) {
      setText(name, server.name);
      setAttribute(name, "title", `${server.name}: bring out in the charts`);
      setAttribute(name, "aria-pressed", String(selected));
      name.classList.toggle("has-colour", colour !== undefined);
      name.style.setProperty("--swatch", `var(--${colour})`);
      line.classList.toggle("is-selected", selected);
      setAttribute(line, "data-state", server.state);
      // Events refer to servers by URL. Many servers have their URL as name.
      fillLine(address, server.url === server.name ? "" : server.url);
      fillLine(reason, server.state === "healthy" ? "" : server.reason);
      for (const { column, update } of cells) update(column.text(server), column.value(server));
    },
  };
}

/**
 * Fills a line that may be cut off and shows the whole text as its tooltip.
 *
 * @param {HTMLElement} line
 * @param {string} text
 */
function fillLine(line, text) {
  setText(line, text);
  setAttribute(line, "title", text || null);
}

/** @param {Column} column */
function cell({ id, label, kind }) {
  const box = element("td", kind === "meter" || kind === "number" ? "number" : kind);
  box.setAttribute("role", "cell");
  box.dataset.label = label;
  box.dataset.column = id;
  if (kind === "models") {
    const line = element("span");
    box.append(element("div", "elastic", line));
    return { box, update: (/** @type {string} */ text) => fillLine(line, text) };
  }
  if (kind !== "meter") {
    return { box, update: (/** @type {string} */ text) => setText(box, text) };
  }
  const { track, fill } = bar();
  const text = element("span", "meter-text");
  box.append(element("span", "meter", track, text));
  return {
    box,
    /** @param {string} shown @param {number | string | null} value */
    update(shown, value) {
      const share = typeof value === "number" ? value : null;
      setText(text, shown);
      fillBar(fill, share, toneOf(share));
    },
  };
}
