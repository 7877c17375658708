// @ts-check
/** @file Which servers get a line and a colour of their own in the charts. */

/** @import { Past, Row } from "./past.js" */

/** More lines than this nobody tells apart. */
export const SLOTS = 8;
/** Points that count as recent: a minute. */
const RECENT = 60;

/**
 * The busiest servers of the last minute, each in the slot it had before if it had one: a colour
 * doesn't wander. All servers, in the router's order, where there are slots for all.
 *
 * @param {Past} past
 * @param {readonly (string | undefined)[]} before URLs by slot
 * @returns {(string | undefined)[]} URLs by slot
 */
export function assignSlots({ servers }, before) {
  const urls = [...servers.keys()];
  const busy = new Map([...servers].map(([url, past]) => [
    url,
    recent(past.inFlight) + recent(past.waiting) + recent(past.kvCacheUsage),
  ]));
  const chosen = urls.length <= SLOTS
    ? urls
    : urls.toSorted((a, b) => (busy.get(b) ?? 0) - (busy.get(a) ?? 0)).slice(0, SLOTS);
  const slots = Array.from(
    { length: SLOTS },
    (_, slot) => chosen.find((url) => url === before[slot]),
  );
  for (const url of chosen) {
    if (!slots.includes(url)) slots[slots.indexOf(undefined)] = url;
  }
  return slots;
}

/**
 * What a row was on average lately.
 *
 * @param {Row} row
 */
function recent(row) {
  const values = row.slice(-RECENT).filter((value) => value !== null);
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/**
 * Several rows as one, point by point; `null` where none has a value. A mean keeps to the scale of
 * the single rows beside it, which a sum of many would press flat.
 *
 * @param {readonly Row[]} rows
 * @param {number} length
 * @returns {Row}
 */
export function mean(rows, length) {
  return Array.from({ length }, (_, at) => {
    let sum = 0;
    let told = 0;
    for (const row of rows) {
      const value = row[at];
      if (value === null || value === undefined) continue;
      sum += value;
      told++;
    }
    return told === 0 ? null : sum / told;
  });
}
