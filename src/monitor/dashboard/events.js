// @ts-check
/// <reference lib="dom" />
/** @file The event list, newest first. Screen readers announce the newest event. */

/** @import { EventView } from "../view_tables.ts" */
import { byId, element, setText } from "./elements.js";
import { fullTime, timeOfDay } from "./format.js";

const KINDS = { state: "State", failover: "Failover", reload: "Reload" };
const MARKS = { good: "✔", bad: "✖", plain: "•" };

/** The list shown last, to detect changes. */
let before = "";

/** @param {readonly EventView[]} events */
export function updateEvents(events) {
  const now = JSON.stringify(events);
  if (now === before) return;
  const isFirst = before === "";
  before = now;
  byId("events").replaceChildren(...events.map(row));
  byId("no-events").hidden = events.length > 0;
  // Events from before the page was opened are shown but not announced.
  if (!isFirst && events[0]) setText(byId("announcement"), events[0].text);
}

/** @param {EventView} event */
function row({ at, kind, tone, text }) {
  const time = element("time", "", timeOfDay(at));
  time.dateTime = new Date(at).toISOString();
  time.title = fullTime(at);
  const mark = element("span", "mark", MARKS[tone] ?? MARKS.plain);
  mark.setAttribute("aria-hidden", "true");
  const item = element(
    "li",
    "",
    time,
    mark,
    element("span", "kind", KINDS[kind] ?? kind),
    element("span", "what", text),
  );
  item.dataset.tone = tone;
  return item;
}
