// @ts-check
/// <reference lib="dom" />
/** @file A server's row in the fleet table. */

/** @import { ServerView } from "../view.ts" */
/** @import { Column } from "./columns.js" */
import { COLUMNS } from "./columns.js";
import { bar, element, fillBar, setAttribute, setText } from "./elements.js";
import { lasting, toneOf } from "./format.js";
import { close, linkTo } from "./route.js";
import { isDown } from "./states.js";

/**
 * @typedef {object} Row
 * @property {HTMLTableRowElement} line
 * @property {(server: ServerView, now: number, colour: string | undefined, isOpen: boolean) => void} update
 * @property {() => string | undefined} state the one that is shown
 * @property {() => boolean} isOpen
 * @property {() => void} focus
 */

/**
 * @param {string} url
 * @returns {Row}
 */
export function createRow(url) {
  const name = element("a", "name");
  name.href = linkTo(url);
  const address = element("span", "under address");
  const why = element("span", "under why");
  const head = element(
    "th",
    "",
    element("div", "elastic", name),
    element("div", "beneath", element("div", "", address, why)),
  );
  head.scope = "row";
  head.setAttribute("role", "rowheader");
  const cells = COLUMNS.slice(1).map((column) => ({ column, ...cell(column) }));
  const line = element("tr", "", head, ...cells.map(({ box }) => box));
  line.setAttribute("role", "row");
  line.dataset.url = url;
  name.addEventListener("click", (event) => {
    if (!line.classList.contains("is-open")) return;
    event.preventDefault();
    close();
  });

  return {
    line,
    update(server, now, colour, isOpen) {
      const { state } = server;
      setText(name, server.name);
      setAttribute(name, "title", `${server.name}: ${isOpen ? "close" : "open"}`);
      setAttribute(name, "aria-expanded", String(isOpen));
      name.classList.toggle("has-colour", colour !== undefined);
      name.style.setProperty("--swatch", `var(--${colour})`);
      line.classList.toggle("is-open", isOpen);
      setAttribute(line, "data-state", state);
      // Many servers have their URL as name.
      fillLine(address, server.url === server.name ? "" : server.url);
      fillLine(why, state === "healthy" ? "" : whyText(server, now));
      for (const { column, update } of cells) update(column.text(server), column.value(server));
    },
    state: () => line.dataset.state,
    isOpen: () => line.classList.contains("is-open"),
    focus: () => name.focus({ preventScroll: true }),
  };
}

/**
 * Tells since when and why a server is not healthy.
 *
 * @param {ServerView} server
 * @param {number} now
 */
function whyText({ state, since, reason }, now) {
  const how = isDown(state) ? "down for" : "for";
  const time = `${how} ${lasting(since, now)}`;
  return reason ? `${time}: ${reason}` : time;
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
  const track = bar();
  const text = element("span", "meter-text");
  box.append(element("span", "meter", track, text));
  return {
    box,
    /** @param {string} shown @param {number | string | null} value */
    update(shown, value) {
      const share = typeof value === "number" ? value : null;
      setText(text, shown);
      fillBar(track, share, toneOf(share));
    },
  };
}
