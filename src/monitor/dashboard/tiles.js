// @ts-check
/// <reference lib="dom" />
/** @file The header: key figures of the fleet. */

/** @import { View } from "../view.ts" */
import { byId, element, setAttribute, setText } from "./elements.js";
import { count, duration, percent, rate, span, toneOf } from "./format.js";

/**
 * @typedef {object} Tile
 * @property {string} id
 * @property {string} label
 * @property {(view: View) => string} figure
 * @property {(view: View) => string} note
 * @property {(view: View) => string} [tone]
 */

const PERCENTILES = /** @type {const} */ (["p50", "p95", "p99"]);

/** @type {readonly Tile[]} */
const TILES = [
  {
    id: "healthy",
    label: "Healthy",
    figure: ({ totals }) => `${count(totals.healthy)} of ${count(totals.servers)}`,
    note: ({ totals }) =>
      totals.healthy === totals.servers
        ? "all healthy"
        : `${count(totals.servers - totals.healthy)} not healthy`,
    tone: ({ totals }) => totals.healthy === totals.servers ? "good" : "bad",
  },
  {
    id: "load",
    label: "Load",
    figure: ({ totals }) => percent(totals.load),
    note: ({ servers }) => {
      const counted = servers.filter(({ state }) => state !== "draining");
      const now = counted.reduce((sum, { running, waiting }) => sum + running + waiting, 0);
      const capacity = counted.reduce((sum, server) => sum + server.capacity, 0);
      return `${count(now)} of ${count(capacity)}`;
    },
    tone: ({ totals }) => toneOf(totals.load),
  },
  {
    id: "in-flight",
    label: "In flight",
    figure: ({ totals }) => count(totals.inFlight),
    note: () => "requests",
  },
  {
    id: "requests",
    label: "Requests",
    figure: ({ totals }) => `${rate(totals.requestsPerSecond)}/s`,
    note: ({ totals }) => `${count(totals.requests)} in all`,
  },
  {
    id: "tokens",
    label: "Tokens",
    figure: ({ totals }) => `${rate(totals.tokensPerSecond)}/s`,
    note: () => "generated",
  },
  {
    id: "failovers",
    label: "Failovers",
    figure: ({ totals }) => count(totals.failovers),
    note: () => "since the start",
  },
  ...PERCENTILES.map((percentile) => ({
    id: `first-token-${percentile}`,
    label: `First token ${percentile}`,
    figure: (/** @type {View} */ { totals }) => duration(totals.firstToken[percentile]),
    note: () => "last minute",
  })),
];

const shown = TILES.map((tile) => {
  const figure = element("dd", "figure");
  figure.id = tile.id;
  const note = element("dd", "note");
  const box = element("div", "tile", element("dt", "", tile.label), figure, note);
  return { tile, figure, note, box };
});

/** @param {HTMLElement} list */
export function showTiles(list) {
  list.append(...shown.map(({ box }) => box));
}

/** @param {View} view */
export function updateTiles(view) {
  for (const { tile, figure, note, box } of shown) {
    setText(figure, tile.figure(view));
    setText(note, tile.note(view));
    setAttribute(box, "data-tone", tile.tone?.(view) ?? "plain");
  }
  setText(byId("address"), view.address);
  setText(byId("uptime"), span(view.at - view.startedAt));
  setText(byId("version"), view.version);
}
