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
  const under = element("span", "under");
  const head = element("th", "", name, under);
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
      // Why it is out is worth more than where it is.
      const note = server.state === "healthy" ? server.url : server.reason || server.url;
      setText(under, note === server.name ? "" : note);
      setAttribute(under, "title", note);
      for (const { column, update } of cells) update(column.text(server), column.value(server));
    },
  };
}

/** @param {Column} column */
function cell({ id, label, kind }) {
  const box = element("td", kind === "meter" || kind === "number" ? "number" : kind);
  box.setAttribute("role", "cell");
  box.dataset.label = label;
  box.dataset.column = id;
  if (kind !== "meter") {
    /** @param {string} text */
    const update = (text) => {
      setText(box, text);
      if (kind === "models") setAttribute(box, "title", text);
    };
    return { box, update };
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
