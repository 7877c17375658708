// @ts-check
/// <reference lib="dom" />
/** @file The six charts of the last quarter of an hour. */

/** @import { Chart, Line } from "./chart.js" */
/** @import { Mark } from "./marks.js" */
/** @import { OfFleet, OfServer, Past } from "./past.js" */
import { createChart } from "./chart.js";
import { byId, setText } from "./elements.js";
import { count, duration, percent, rate } from "./format.js";
import { markText } from "./marks.js";
import { assignSlots, mean, SLOTS } from "./slots.js";
import { watchTheme } from "./theme.js";

const SLOT_COLOURS = Array.from({ length: SLOTS }, (_, slot) => `series-${slot + 1}`);
/** Colours after the slots: the mean of all other servers, and the server pointed at. */
const SERVER_COLOURS = [...SLOT_COLOURS, "others", "text"];
const POINTED_AT = SLOTS + 1;

/** @type {readonly Mark[]} */
let marks = [];
/** @param {readonly Mark[]} near the marks under the pointer */
const onMarks = (near) => {
  const legend = marks.length > 0 ? "Dashed lines: a server's change of state" : "";
  setText(byId("mark"), markText(near) || legend);
};

/** @type {readonly { chart: Chart, lines: readonly { label: string, of: OfFleet }[] }[]} */
const fleetCharts = [
  {
    chart: createChart({
      title: "Answers",
      unit: "per second",
      colours: ["series-1", "series-2", "others", "bad"],
      format: rate,
      filled: true,
      omitsZeros: true,
      onMarks,
    }),
    lines: [
      { label: "ok", of: "okPerSecond" },
      { label: "client errors", of: "clientErrorsPerSecond" },
      { label: "client left", of: "clientClosedPerSecond" },
      { label: "failed", of: "failedPerSecond" },
    ],
  },
  {
    chart: createChart({
      title: "Tokens generated",
      unit: "per second",
      colours: ["series-3"],
      format: rate,
      filled: true,
      top: 10,
      onMarks,
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
      onMarks,
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
      onMarks,
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
      onMarks,
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
      onMarks,
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
  const [first = 0] = past.times;
  marks = past.marks.filter(({ at }) => at >= first);
  if (byId("mark").textContent === "") onMarks([]);
  slots = assignSlots(past, slots);
  for (const { chart, lines } of fleetCharts) {
    chart.draw(past.times, lines.map(({ label, of }) => ({ label, row: past.fleet[of] })), marks);
  }
  for (const { chart, of } of serverCharts) {
    chart.draw(past.times, serverLines(past, of), marks);
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
