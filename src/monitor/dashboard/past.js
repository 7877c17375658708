// @ts-check
/** @file The last quarter of an hour: the router's history and the views received since. */

/** @import { History } from "../history.ts" */
/** @import { View } from "../view.ts" */
/** @import { Mark } from "./marks.js" */
import { addMarks } from "./marks.js";

/** A quarter of an hour. */
export const PAST_MS = 15 * 60 * 1000;
/** Minimum distance of two points. The router sends two views a second and keeps one point. */
const POINT_MS = 900;
/** Points further apart than this are separated by a gap in the line. */
const GAP_MS = 4000;
/** A view that is older than the last point by more than this shows that the clock was set back. */
const CLOCK_STEP_MS = 10_000;

/** What a view tells of the fleet, by row. */
const FLEET = {
  okPerSecond: (/** @type {View} */ { totals }) => totals.answersPerSecond.ok,
  clientErrorsPerSecond: (/** @type {View} */ { totals }) => totals.answersPerSecond.clientErrors,
  clientClosedPerSecond: (/** @type {View} */ { totals }) => totals.answersPerSecond.clientClosed,
  failedPerSecond: (/** @type {View} */ { totals }) => totals.answersPerSecond.failed,
  tokensPerSecond: (/** @type {View} */ { totals }) => totals.tokensPerSecond,
  firstTokenP50: (/** @type {View} */ { totals }) => totals.firstToken.p50,
  firstTokenP95: (/** @type {View} */ { totals }) => totals.firstToken.p95,
  firstTokenP99: (/** @type {View} */ { totals }) => totals.firstToken.p99,
};
const OF_FLEET = /** @type {OfFleet[]} */ (Object.keys(FLEET));

/** @typedef {(number | null)[]} Row */
/** @typedef {keyof typeof FLEET} OfFleet */
/** @typedef {"inFlight" | "waiting" | "kvCacheUsage"} OfServer */
/** @typedef {{ name: string } & Record<OfServer, Row>} ServerPast */

/**
 * @typedef {object} Past
 * @property {number[]} times the router's wall-clock times in milliseconds
 * @property {Record<OfFleet, Row>} fleet
 * @property {Map<string, ServerPast>} servers by URL, in the router's order
 * @property {readonly Mark[]} marks servers' changes of state, newest first
 */

/**
 * @param {(row: OfFleet) => Row} rowOf
 * @returns {Record<OfFleet, Row>}
 */
const fleetRows = (
  rowOf,
) => /** @type {Record<OfFleet, Row>} */ (Object.fromEntries(
  OF_FLEET.map((row) => [row, rowOf(row)]),
));

/** @returns {Past} */
export function emptyPast() {
  return { times: [], fleet: fleetRows(() => []), servers: new Map(), marks: [] };
}

/**
 * @param {History} history the router's answer
 * @returns {Past}
 */
export function pastFrom({ times, servers, changes, ...fleet }) {
  return {
    times: [...times],
    fleet: fleetRows((row) => [...fleet[row]]),
    marks: changes,
    servers: new Map(servers.map(({ url, name, inFlight, waiting, kvCacheUsage }) => [
      url,
      {
        name,
        inFlight: [...inFlight],
        waiting: [...waiting],
        kvCacheUsage: [...kvCacheUsage],
      },
    ])),
  };
}

/**
 * Adds a view as the next point, unless it is too soon.
 *
 * @param {Past} past
 * @param {View} view
 * @returns {boolean} whether a point was added
 */
export function addView(past, view) {
  if (view.at - (past.times.at(-1) ?? -Infinity) < -CLOCK_STEP_MS) Object.assign(past, emptyPast());
  past.marks = addMarks(past.marks, view.events);
  const last = past.times.at(-1);
  if (last !== undefined) {
    if (view.at - last < POINT_MS) return false;
    if (view.at - last > GAP_MS) addPoint(past, last + POINT_MS, undefined);
  }
  addPoint(past, view.at, view);
  while ((past.times[0] ?? Infinity) < view.at - PAST_MS) dropOldest(past);
  return true;
}

/**
 * @param {Past} past
 * @param {number} time
 * @param {View | undefined} view `undefined` makes the point a gap
 */
function addPoint(past, time, view) {
  const before = past.times.length;
  past.times.push(time);
  for (const row of OF_FLEET) past.fleet[row].push(view ? FLEET[row](view) : null);
  if (!view) {
    for (const server of past.servers.values()) addServerPoint(server, undefined);
    return;
  }
  past.servers = new Map(view.servers.map((server) => {
    const known = past.servers.get(server.url) ?? {
      name: server.name,
      inFlight: new Array(before).fill(null),
      waiting: new Array(before).fill(null),
      kvCacheUsage: new Array(before).fill(null),
    };
    addServerPoint(known, server);
    return [server.url, known];
  }));
}

/**
 * @param {ServerPast} past
 * @param {Pick<View["servers"][number], OfServer> | undefined} server
 */
function addServerPoint(past, server) {
  past.inFlight.push(server?.inFlight ?? null);
  past.waiting.push(server?.waiting ?? null);
  past.kvCacheUsage.push(server?.kvCacheUsage ?? null);
}

/** @param {Past} past */
function dropOldest(past) {
  past.times.shift();
  for (const row of Object.values(past.fleet)) row.shift();
  for (const server of past.servers.values()) {
    server.inFlight.shift();
    server.waiting.shift();
    server.kvCacheUsage.shift();
  }
}
