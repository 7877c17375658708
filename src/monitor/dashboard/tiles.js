// @ts-check
/// <reference lib="dom" />
/** @file The tiles: key figures of the fleet. */

/** @import { View } from "../view.ts" */
import { element, setAttribute, setText } from "./elements.js";
import { count, duration, percent, rate, smallPercent, toneOf } from "./format.js";
import { failureTone } from "./models.js";

/**
 * @typedef {object} Tile
 * @property {string} id
 * @property {string} label
 * @property {string} meaning
 * @property {(view: View) => string} figure
 * @property {(view: View) => string} note
 * @property {(view: View) => string} [tone]
 */

/** @type {readonly Tile[]} */
const TILES = [
  {
    id: "healthy",
    label: "Healthy",
    meaning: "Servers that take requests",
    figure: ({ totals }) => `${count(totals.healthy)} of ${count(totals.servers)}`,
    note: ({ totals }) =>
      totals.healthy === totals.servers
        ? "all healthy"
        : `${count(totals.servers - totals.healthy)} not healthy`,
    tone: ({ totals }) => totals.healthy === totals.servers ? "good" : "bad",
  },
  {
    id: "failed",
    label: "Failed",
    meaning: "Share of the requests of the last minute that servers or the router failed",
    figure: ({ totals }) => smallPercent(totals.failedShare),
    note: ({ totals }) => `${count(totals.failedLastMinute)} last minute`,
    tone: ({ totals }) => failureTone(totals.failedShare),
  },
  {
    id: "waiting",
    label: "Waiting",
    meaning: "Requests in the queues of all servers",
    figure: ({ totals }) => count(totals.waiting),
    note: () => "in queues",
  },
  {
    id: "load",
    label: "Load",
    meaning: "Requests at all servers, of the capacity of those that take requests",
    figure: ({ totals }) => percent(totals.load),
    note: ({ totals }) => `${count(totals.atServers)} of ${count(totals.capacity)}`,
    tone: ({ totals }) => toneOf(totals.load),
  },
  {
    id: "in-flight",
    label: "In flight",
    meaning: "This router's own requests",
    figure: ({ totals }) => count(totals.inFlight),
    note: () => "requests",
  },
  {
    id: "requests",
    label: "Requests",
    meaning: "Ended requests a second, and how many moved to another server since the start",
    figure: ({ totals }) => `${rate(totals.requestsPerSecond)}/s`,
    note: ({ totals }) =>
      `${count(totals.failovers)} ${totals.failovers === 1 ? "failover" : "failovers"}`,
  },
  {
    id: "tokens",
    label: "Tokens",
    meaning: "Tokens generated a second at all servers",
    figure: ({ totals }) => `${rate(totals.tokensPerSecond)}/s`,
    note: () => "generated",
  },
];

const shown = TILES.map((tile) => {
  const figure = element("dd", "figure");
  figure.id = tile.id;
  const note = element("dd", "note");
  const box = element("div", "tile", element("dt", "", tile.label), figure, note);
  box.title = tile.meaning;
  return { tile, figure, note, box };
});

const percentiles = (/** @type {const} */ (["p50", "p95", "p99"])).map((name) => {
  const figure = element("span", "figure");
  figure.id = `first-token-${name}`;
  return { name, figure, box: element("dd", "", figure, element("span", "note", name)) };
});
const firstToken = element(
  "div",
  "tile first-token",
  element("dt", "", "TTFT, last minute"),
  ...percentiles.map(({ box }) => box),
);
firstToken.title = "Time to first token, as clients experience it";

/** @param {HTMLElement} list */
export function showTiles(list) {
  list.append(...shown.map(({ box }) => box), firstToken);
}

/** @param {View} view */
export function updateTiles(view) {
  for (const { tile, figure, note, box } of shown) {
    setText(figure, tile.figure(view));
    setText(note, tile.note(view));
    setAttribute(box, "data-tone", tile.tone?.(view) ?? "plain");
  }
  for (const { name, figure } of percentiles) {
    setText(figure, duration(view.totals.firstToken[name]));
  }
}
