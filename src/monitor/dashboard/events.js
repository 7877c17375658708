// @ts-check
/// <reference lib="dom" />
/** @file Lists of events, newest first. Screen readers announce the newest event of the fleet. */

/** @import { EventView } from "../view_tables.ts" */
/** @import { UrlOf } from "./mention.js" */
import { byId, element, keyed, setText } from "./elements.js";
import { fullTime, timeOfDay } from "./format.js";
import { withLinks } from "./mention.js";

const KINDS = {
  change: "State",
  state: "State",
  failover: "Failover",
  reload: "Reload",
  failure: "Failed",
};
const MARKS = { good: "✔", bad: "✖", plain: "•" };

/** @typedef {Omit<EventView, "kind"> & { kind: keyof typeof KINDS }} ShownEvent */

/**
 * Creates a function that shows events in a list.
 *
 * @param {HTMLElement} list
 * @param {UrlOf} urlOf
 */
export const eventList = (list, urlOf) =>
  keyed(
    list,
    (/** @type {ShownEvent} */ { at, text }) => `${at} ${text}`,
    (event) => ({ line: row(event, urlOf) }),
  );

/**
 * Creates a function that updates the fleet's list.
 *
 * @param {UrlOf} urlOf
 */
export function fleetEvents(urlOf) {
  const show = eventList(byId("events"), urlOf);
  /** @type {EventView | undefined} */
  let newest;
  let isFirst = true;
  return (/** @type {readonly EventView[]} */ events) => {
    show(events);
    byId("no-events").hidden = events.length > 0;
    const before = newest;
    newest = events[0];
    // Events from before the page was opened are shown but not announced.
    if (!isFirst && newest && (newest.at !== before?.at || newest.text !== before.text)) {
      setText(byId("announcement"), newest.text);
    }
    isFirst = false;
  };
}

/**
 * @param {ShownEvent} event
 * @param {UrlOf} urlOf
 */
function row({ at, kind, tone, text, servers }, urlOf) {
  const mark = element("span", "mark", MARKS[tone] ?? MARKS.plain);
  mark.setAttribute("aria-hidden", "true");
  const item = element(
    "li",
    "",
    timeElement(at),
    mark,
    element("span", "kind", KINDS[kind] ?? kind),
    element("span", "what", ...withLinks(text, servers, urlOf)),
  );
  item.dataset.tone = tone;
  return item;
}

/**
 * Creates an element with a time of day; its tooltip has the day.
 *
 * @param {number} at
 */
export function timeElement(at) {
  const time = element("time", "", timeOfDay(at));
  time.dateTime = new Date(at).toISOString();
  time.title = fullTime(at);
  return time;
}
