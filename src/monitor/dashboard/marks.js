// @ts-check
/** @file Servers' changes of state, as marks on the charts. */

/** @import { EventView } from "../view_tables.ts" */
import { timeOfDay } from "./format.js";

/** @typedef {Pick<EventView, "at" | "tone" | "text">} Mark */

/** The router keeps as many. */
const MOST = 200;

/**
 * Returns the marks with those of newer events, newest first.
 *
 * @param {readonly Mark[]} marks newest first
 * @param {readonly EventView[]} events newest first
 * @returns {readonly Mark[]}
 */
export function addMarks(marks, events) {
  const known = new Set(marks.map(({ at, text }) => `${at} ${text}`));
  const added = events.filter((event) =>
    event.kind === "change" && !known.has(`${event.at} ${event.text}`) &&
    event.at >= (marks[0]?.at ?? 0)
  );
  return added.length === 0 ? marks : [...added, ...marks].slice(0, MOST);
}

/**
 * Returns the marks closest to a time, newest first; none if it is further than this.
 *
 * @param {readonly Mark[]} marks
 * @param {number} time
 * @param {number} most milliseconds
 */
export function marksNear(marks, time, most) {
  const near = marks.filter(({ at }) => Math.abs(at - time) <= most);
  return near.sort((a, b) => Math.abs(a.at - time) - Math.abs(b.at - time));
}

/**
 * Describes marks in a line.
 *
 * @param {readonly Mark[]} marks
 */
export function markText(marks) {
  const [first] = marks;
  if (!first) return "";
  const more = marks.length > 1 ? ` (and ${marks.length - 1} more)` : "";
  return `${timeOfDay(first.at)} ${first.text}${more}`;
}
