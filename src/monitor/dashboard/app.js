// @ts-check
/// <reference lib="dom" />
/** @file The dashboard: updates the whole page on each view. */

/** @import { View } from "../view.ts" */
import { showInTab, updateAlert } from "./alert.js";
import { colourOf, drawCharts, highlightServer, showCharts } from "./charts.js";
import { follow } from "./connection.js";
import { byId, setAttribute, setText } from "./elements.js";
import { fleetEvents } from "./events.js";
import { failureTable } from "./failures.js";
import { span, timeOfDay } from "./format.js";
import { showHeader, updateHeader } from "./header.js";
import { keyTable } from "./keys.js";
import { modelTable } from "./models.js";
import { addView, emptyPast, pastFrom } from "./past.js";
import { createTable } from "./table.js";
import { themeButton } from "./theme.js";
import { showTiles, updateTiles } from "./tiles.js";

let past = emptyPast();
/** @type {View | undefined} */
let latest;
/** @param {string} name */
const urlOf = (name) => latest?.servers.find((server) => server.name === name)?.url;

themeButton(byId("theme"));
showHeader();
showTiles(byId("tiles"));
showCharts(byId("charts"));
const table = createTable({
  colourOf,
  onHighlight: (url) => highlightServer(url, past),
  urlOf,
});
const updateModels = modelTable();
const updateKeys = keyTable();
const updateFailures = failureTable(urlOf);
const updateEvents = fleetEvents(urlOf);

/** Loads the history from before the page was opened, or while the connection was lost. */
async function loadPast() {
  const answer = await fetch("/dashboard/history", { cache: "no-store" });
  if (!answer.ok) return;
  past = pastFrom(await answer.json());
  highlightServer(table.opened(), past);
  showPast();
}

function showPast() {
  drawCharts(past);
  const first = past.times[0];
  const last = past.times.at(-1);
  if (first === undefined || last === undefined) return;
  setText(byId("span"), `${timeOfDay(first)} to ${timeOfDay(last)}, your time`);
}

/** @param {View} view */
function show(view) {
  latest = view;
  updateAlert(view);
  updateHeader(view);
  updateTiles(view);
  if (addView(past, view)) showPast();
  table.update(view);
  updateModels(view.models);
  updateKeys(view.keys);
  updateFailures(view.failures);
  updateEvents(view.events);
}

/** @param {number | undefined} silentMs */
function showLine(silentMs) {
  const isLost = silentMs !== undefined && (latest !== undefined || silentMs > 2000);
  if (silentMs !== undefined && !isLost) return;
  const connection = byId("connection");
  setAttribute(connection, "data-connection", isLost ? "lost" : "live");
  setText(connection, isLost ? "Connection lost" : "Live");
  document.body.classList.toggle("is-stale", isLost);
  const banner = byId("lost");
  banner.hidden = !isLost;
  if (!isLost) return;
  const age = latest
    ? `What is shown is ${span(silentMs)} old, of ${timeOfDay(latest.at)}.`
    : "Nothing was heard yet.";
  setText(banner, `The router can't be reached. ${age} Trying again by itself.`);
  showInTab("unreachable");
}

follow({
  // Without history the page still shows the present. The next connection loads it again.
  onOpen: () => void loadPast().catch(() => {}),
  onView: show,
  onLine: showLine,
});
