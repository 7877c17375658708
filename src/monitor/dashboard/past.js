// @ts-check
/** @file The last quarter of an hour: the router's history and the views received since. */

/** @import { History } from "../history.ts" */
/** @import { View } from "../view.ts" */

/** A quarter of an hour. */
export const PAST_MS = 15 * 60 * 1000;
/** Minimum distance of two points. The router sends two views a second and keeps one point. */
const POINT_MS = 900;
/** Points further apart than this are separated by a gap in the line. */
const GAP_MS = 4000;

/** @typedef {(number | null)[]} Row */
/** @typedef {"requestsPerSecond" | "tokensPerSecond" | "firstTokenP50" | "firstTokenP95" | "firstTokenP99"} OfFleet */
/** @typedef {"inFlight" | "waiting" | "kvCacheUsage"} OfServer */
/** @typedef {{ name: string } & Record<OfServer, Row>} ServerPast */

/**
 * @typedef {object} Past
 * @property {number[]} times the router's wall-clock times in milliseconds
 * @property {Record<OfFleet, Row>} fleet
 * @property {Map<string, ServerPast>} servers by URL, in the router's order
 */

/** @returns {Past} */
export function emptyPast() {
  return {
    times: [],
    fleet: {
      requestsPerSecond: [],
      tokensPerSecond: [],
      firstTokenP50: [],
      firstTokenP95: [],
      firstTokenP99: [],
    },
    servers: new Map(),
  };
}

/**
 * @param {History} history the router's answer
 * @returns {Past}
 */
export function pastFrom({ times, servers, ...fleet }) {
  return {
    times: [...times],
    fleet: {
      requestsPerSecond: [...fleet.requestsPerSecond],
      tokensPerSecond: [...fleet.tokensPerSecond],
      firstTokenP50: [...fleet.firstTokenP50],
      firstTokenP95: [...fleet.firstTokenP95],
      firstTokenP99: [...fleet.firstTokenP99],
    },
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
  past.fleet.requestsPerSecond.push(view?.totals.requestsPerSecond ?? null);
  past.fleet.tokensPerSecond.push(view?.totals.tokensPerSecond ?? null);
  past.fleet.firstTokenP50.push(view?.totals.firstToken.p50 ?? null);
  past.fleet.firstTokenP95.push(view?.totals.firstToken.p95 ?? null);
  past.fleet.firstTokenP99.push(view?.totals.firstToken.p99 ?? null);
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
