// @ts-check
/** @file Chooses the servers that get their own line and colour in the charts. */

/** @import { Past, Row } from "./past.js" */

/** Maximum number of lines that can be told apart. */
export const SLOTS = 8;
/** Number of recent points: one minute. */
const RECENT = 60;

/**
 * Assigns slots to the busiest servers of the last minute, or to all servers in the router's order
 * if there are enough slots. A server keeps its previous slot, so that its colour does not change.
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
 * Returns the recent average of a row.
 *
 * @param {Row} row
 */
function recent(row) {
  const values = row.slice(-RECENT).filter((value) => value !== null);
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/**
 * Returns the mean of several rows, point by point; `null` where no row has a value. A mean fits
 * the scale of the single rows next to it, while a sum would flatten them.
 *
 * @param {readonly Row[]} rows
 * @param {number} length
 * @returns {Row}
 */
export function mean(rows, length) {
  return Array.from({ length }, (_, at) => {
    let sum = 0;
    let count = 0;
    for (const row of rows) {
      const value = row[at];
      if (value === null || value === undefined) continue;
      sum += value;
      count++;
    }
    return count === 0 ? null : sum / count;
  });
}
