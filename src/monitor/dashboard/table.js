// @ts-check
/// <reference lib="dom" />
/** @file The fleet table: sorting, filtering, folding, the open server, and updates. */

/** @import { ServerView, View } from "../view.ts" */
/** @import { Row } from "./row.js" */
import { COLUMNS, filterServers, sortServers } from "./columns.js";
import { createDetail } from "./detail.js";
import { arrange, byId, setText } from "./elements.js";
import { foldOf } from "./fold.js";
import { createFoldRow } from "./fold_row.js";
import { openUrl, watchRoute } from "./route.js";
import { createRow } from "./row.js";
import { createSorting } from "./sorting.js";
import { createTurns } from "./turns.js";

/**
 * @typedef {object} TableOptions
 * @property {(url: string) => string | undefined} colourOf a server's colour in the charts
 * @property {(url: string | undefined) => void} onHighlight a server is pointed at, or open
 * @property {import("./mention.js").UrlOf} urlOf
 */

/** @param {TableOptions} options */
export function createTable({ colourOf, onHighlight, urlOf }) {
  const body = byId("rows");
  const filter = /** @type {HTMLInputElement} */ (byId("filter"));
  const onlyUnhealthy = byId("only-unhealthy");
  /** @type {Map<string, Row>} */
  const rows = new Map();
  /** @type {View | undefined} */
  let view;
  let opened = openUrl();
  const sorting = createSorting(show);
  const fold = createFoldRow(show);
  const detail = createDetail(urlOf);
  const turns = createTurns(show);
  /** Number of rows that the current update has seen. */
  let number = 0;
  const isOnlyUnhealthy = () => onlyUnhealthy.getAttribute("aria-pressed") === "true";

  filter.addEventListener("input", show);
  onlyUnhealthy.addEventListener("click", () => {
    onlyUnhealthy.setAttribute("aria-pressed", String(!isOnlyUnhealthy()));
    show();
  });
  for (const event of ["pointerover", "focusin"]) {
    body.addEventListener(event, ({ target }) => {
      const line = target instanceof Element ? target.closest("tr") : null;
      onHighlight(line?.dataset.url ?? opened);
    });
  }
  for (const event of ["pointerleave", "focusout"]) {
    body.addEventListener(event, () => onHighlight(opened));
  }
  watchRoute(() => {
    const before = opened;
    opened = openUrl();
    if (opened === before) return;
    onHighlight(opened);
    show();
    reveal(before);
  });

  /**
   * Brings the open server into sight; gives the focus back to the one that was open before.
   *
   * @param {string | undefined} before
   */
  function reveal(before) {
    const row = rows.get(opened ?? before ?? "");
    if (!row?.line.isConnected) return;
    row.focus();
    if (opened !== undefined) row.line.scrollIntoView({ block: "nearest" });
  }

  /** @param {ServerView} server */
  function lineOf(server) {
    const { url, state } = server;
    const known = rows.get(url);
    const row = known ?? createRow(url);
    if (!known) {
      rows.set(url, row);
      turns.watch(row.line);
    }
    const isChanged = row.state() !== state || row.isOpen() !== (url === opened);
    if (isChanged || turns.isDue(row.line, number++)) {
      row.update(server, /** @type {View} */ (view).at, colourOf(url), url === opened);
    }
    return row.line;
  }

  /**
   * Returns the lines of servers, with what is known of the open one below it.
   *
   * @param {readonly ServerView[]} servers
   */
  const linesOf = (servers) =>
    servers.flatMap((server) =>
      server.url === opened ? [lineOf(server), detail.line] : [lineOf(server)]
    );

  function show() {
    if (!view) return;
    number = 0;
    const { servers } = view;
    const matching = filterServers(servers, filter.value, isOnlyUnhealthy());
    const open = servers.find(({ url }) => url === opened);
    const shown = open && !matching.includes(open) ? [open, ...matching] : matching;
    const chosen = sorting();
    const column = COLUMNS.find(({ id }) => id === chosen?.column);
    const isAsked = column !== undefined || filter.value.trim() !== "" || isOnlyUnhealthy();
    const folded = isAsked ? undefined : foldOf(shown);
    if (folded) {
      fold.update(folded.healthy);
      const seen = fold.isOpen() ? folded.healthy : folded.healthy.filter((one) => one === open);
      const middle = folded.healthy.length > 0 ? [fold.line] : [];
      arrange(body, [...linesOf(folded.others), ...middle, ...linesOf(seen)]);
    } else {
      arrange(body, linesOf(column && chosen ? sortServers(shown, column, chosen.order) : shown));
    }
    detail.update(open, view);
    byId("no-rows").hidden = shown.length > 0;
    byId("no-server").hidden = opened === undefined || open !== undefined;
    setText(byId("shown"), `${matching.length} of ${servers.length}`);
  }

  let isFirst = true;
  return {
    /** @param {View} now */
    update(now) {
      view = now;
      const urls = new Set(now.servers.map(({ url }) => url));
      for (const [url, { line }] of rows) {
        if (urls.has(url)) continue;
        turns.unwatch(line);
        rows.delete(url);
      }
      turns.next();
      show();
      if (isFirst && opened !== undefined) reveal(undefined);
      isFirst = false;
    },
    opened: () => opened,
  };
}
