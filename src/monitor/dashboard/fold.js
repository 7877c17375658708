// @ts-check
/** @file A large fleet shows the servers that are not healthy first, and folds the healthy ones. */

/** @import { ServerView } from "../view.ts" */
import { count, percent } from "./format.js";
import { STATES } from "./states.js";

/** More servers than this are folded. */
export const MOST_UNFOLDED = 12;

/**
 * Splits servers into those that are not healthy, worst first, and the healthy ones, both in the
 * given order. `undefined` if there are too few to fold.
 *
 * @param {readonly ServerView[]} servers
 */
export function foldOf(servers) {
  if (servers.length <= MOST_UNFOLDED) return undefined;
  const healthy = servers.filter(({ state }) => state === "healthy");
  const others = servers.filter(({ state }) => state !== "healthy")
    .sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state));
  return { others, healthy };
}

/**
 * Returns what is known of folded servers, in a line.
 *
 * @param {readonly ServerView[]} servers
 */
export function foldedText(servers) {
  const sum = (/** @type {(server: ServerView) => number} */ of) =>
    servers.reduce((total, server) => total + of(server), 0);
  const capacity = sum((server) => server.capacity);
  const usage = sum(({ running, waiting }) => running + waiting) / Math.max(1, capacity);
  const highest = servers.reduce((most, server) => Math.max(most, server.usage), 0);
  return {
    title: `${count(servers.length)} healthy ${servers.length === 1 ? "server" : "servers"}`,
    text: `usage ${percent(usage)}, highest ${percent(highest)}, ` +
      `${count(sum(({ waiting }) => waiting))} waiting`,
  };
}
