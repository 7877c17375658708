// @ts-check
/// <reference lib="dom" />
/** @file The six charts of the last quarter of an hour. */

/** @import { Chart, Line } from "./chart.js" */
/** @import { OfFleet, OfServer, Past } from "./past.js" */
import { createChart } from "./chart.js";
import { count, duration, percent, rate } from "./format.js";
import { assignSlots, mean, SLOTS } from "./slots.js";
import { watchTheme } from "./theme.js";

const SLOT_COLOURS = Array.from({ length: SLOTS }, (_, slot) => `series-${slot + 1}`);
/** Colours after the slots: the mean of all other servers, and the server pointed at. */
const SERVER_COLOURS = [...SLOT_COLOURS, "others", "text"];
const POINTED_AT = SLOTS + 1;

/** @type {readonly { chart: Chart, lines: readonly { label: string, of: OfFleet }[] }[]} */
const fleetCharts = [
  {
    chart: createChart({
      title: "Requests",
      unit: "per second",
      colours: ["series-1"],
      format: rate,
      filled: true,
    }),
    lines: [{ label: "requests/s", of: "requestsPerSecond" }],
  },
  {
    chart: createChart({
      title: "Tokens generated",
      unit: "per second",
      colours: ["series-3"],
      format: rate,
      filled: true,
      top: 10,
    }),
    lines: [{ label: "tokens/s", of: "tokensPerSecond" }],
  },
  {
    chart: createChart({
      title: "Time to first token",
      unit: "over the last minute",
      colours: ["series-1", "series-2", "series-4"],
      format: duration,
      top: 10,
    }),
    lines: [
      { label: "p50", of: "firstTokenP50" },
      { label: "p95", of: "firstTokenP95" },
      { label: "p99", of: "firstTokenP99" },
    ],
  },
];

/** @type {readonly { chart: Chart, of: OfServer }[]} */
const serverCharts = [
  {
    chart: createChart({
      title: "In flight",
      unit: "requests, by server",
      colours: SERVER_COLOURS,
      format: count,
      isWhole: true,
      top: 4,
    }),
    of: "inFlight",
  },
  {
    chart: createChart({
      title: "Waiting",
      unit: "requests, by server",
      colours: SERVER_COLOURS,
      format: count,
      isWhole: true,
      top: 4,
    }),
    of: "waiting",
  },
  {
    chart: createChart({
      title: "KV cache",
      unit: "share in use, by server",
      colours: SERVER_COLOURS,
      format: percent,
      top: 0.1,
    }),
    of: "kvCacheUsage",
  },
];

const all = [...fleetCharts, ...serverCharts].map(({ chart }) => chart);
/** @type {(string | undefined)[]} */
let slots = [];
/** @type {string | undefined} */
let pointedAt;

/** @param {HTMLElement} box */
export function showCharts(box) {
  box.append(...all.map(({ figure }) => figure));
  watchTheme(() => all.forEach((chart) => chart.recolour()));
}

/** @param {Past} past */
export function drawCharts(past) {
  slots = assignSlots(past, slots);
  for (const { chart, lines } of fleetCharts) {
    chart.draw(past.times, lines.map(({ label, of }) => ({ label, row: past.fleet[of] })));
  }
  for (const { chart, of } of serverCharts) {
    chart.draw(past.times, serverLines(past, of));
    chart.highlight(lineOf(pointedAt));
  }
}

/**
 * @param {Past} past
 * @param {OfServer} of
 * @returns {Line[]}
 */
function serverLines({ times, servers }, of) {
  /** @param {string | undefined} url @returns {Line} */
  const line = (url) => {
    const server = url === undefined ? undefined : servers.get(url);
    return server && { label: server.name, row: server[of] };
  };
  const others = [...servers].filter(([url]) => !slots.includes(url)).map(([, past]) => past[of]);
  return [
    ...slots.map(line),
    others.length === 0
      ? undefined
      : { label: `${others.length} others (mean)`, row: mean(others, times.length) },
    lineOf(pointedAt) === POINTED_AT ? line(pointedAt) : undefined,
  ];
}

/** @param {string | undefined} url */
function lineOf(url) {
  if (url === undefined) return undefined;
  const slot = slots.indexOf(url);
  return slot < 0 ? POINTED_AT : slot;
}

/**
 * Highlights one server's lines, or none.
 *
 * @param {string | undefined} url
 * @param {Past} past
 */
export function highlightServer(url, past) {
  if (url === pointedAt) return;
  pointedAt = url;
  drawCharts(past);
}

/**
 * Returns the name of a server's colour in the charts.
 *
 * @param {string} url
 */
export function colourOf(url) {
  const slot = slots.indexOf(url);
  return slot < 0 ? undefined : SLOT_COLOURS[slot];
}
