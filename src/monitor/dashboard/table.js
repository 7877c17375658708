// @ts-check
/// <reference lib="dom" />
/** @file The fleet table: sorting, filtering and updates. */

/** @import { ServerView } from "../view.ts" */
/** @import { Row } from "./row.js" */
import { COLUMNS, filterServers, sortServers } from "./columns.js";
import { byId, element, setAttribute, setText } from "./elements.js";
import { createRow } from "./row.js";

/** @typedef {{ column: string, order: "ascending" | "descending" }} Sorting */
/**
 * @typedef {object} TableOptions
 * @property {(url: string) => string | undefined} colourOf a server's colour in the charts
 * @property {(url: string | undefined) => void} onHighlight a server is hovered or selected
 */

/** @param {TableOptions} options */
export function createTable({ colourOf, onHighlight }) {
  const body = byId("rows");
  const filter = /** @type {HTMLInputElement} */ (byId("filter"));
  const onlyUnhealthy = byId("only-unhealthy");
  /** @type {Map<string, Row>} */
  const rows = new Map();
  /** @type {readonly ServerView[]} */
  let servers = [];
  /** @type {Sorting | undefined} */
  let sorting;
  /** @type {string | undefined} */
  let selected;
  const isOnlyUnhealthy = () => onlyUnhealthy.getAttribute("aria-pressed") === "true";

  const heads = COLUMNS.map((column) => {
    const button = element("button", "", column.label);
    button.type = "button";
    button.title = column.meaning;
    const isNumber = column.kind === "number" || column.kind === "meter";
    const head = element("th", isNumber ? "number" : column.kind, button);
    head.scope = "col";
    head.setAttribute("role", "columnheader");
    button.addEventListener("click", () => {
      sorting = nextSorting(sorting, column.id, isNumber ? "descending" : "ascending");
      show();
    });
    byId("columns").append(head);
    return { id: column.id, head };
  });
  filter.addEventListener("input", show);
  onlyUnhealthy.addEventListener("click", () => {
    onlyUnhealthy.setAttribute("aria-pressed", String(!isOnlyUnhealthy()));
    show();
  });
  body.addEventListener("pointerover", ({ target }) => {
    const line = target instanceof Element ? target.closest("tr") : null;
    onHighlight(line?.dataset.url ?? selected);
  });
  body.addEventListener("pointerleave", () => onHighlight(selected));

  /** @param {string} url */
  function rowOf(url) {
    const known = rows.get(url);
    if (known) return known;
    const made = createRow(url, () => {
      selected = selected === url ? undefined : url;
      onHighlight(selected);
      show();
    });
    rows.set(url, made);
    return made;
  }

  function show() {
    for (const { id, head } of heads) {
      setAttribute(head, "aria-sort", sorting?.column === id ? sorting.order : null);
    }
    const matching = filterServers(servers, filter.value, isOnlyUnhealthy());
    const column = COLUMNS.find(({ id }) => id === sorting?.column);
    const sorted = column && sorting ? sortServers(matching, column, sorting.order) : matching;
    const lines = sorted.map((server) => {
      const row = rowOf(server.url);
      row.update(server, colourOf(server.url), server.url === selected);
      return row.line;
    });
    arrange(body, lines);
    byId("no-rows").hidden = lines.length > 0;
    setText(byId("shown"), `${lines.length} of ${servers.length}`);
  }

  return {
    /** @param {readonly ServerView[]} now */
    update(now) {
      servers = now;
      const urls = new Set(now.map(({ url }) => url));
      for (const url of rows.keys()) {
        if (!urls.has(url)) rows.delete(url);
      }
      show();
    },
  };
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

/**
 * Replaces the body's lines with these, unless they are already in place. The focus stays.
 *
 * @param {HTMLElement} body
 * @param {readonly HTMLElement[]} lines
 */
function arrange(body, lines) {
  if (
    lines.length === body.children.length && lines.every((line, i) => body.children[i] === line)
  ) {
    return;
  }
  const focused = document.activeElement;
  body.replaceChildren(...lines);
  if (focused instanceof HTMLElement && body.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}
