// @ts-check
/** @file The columns of the fleet table: label, sorting and formatting. */

/** @import { ServerView } from "../view.ts" */
import { count, duration, percent, rate } from "./format.js";
import { isDown, STATES, stateText } from "./states.js";

/**
 * @typedef {object} Column
 * @property {string} id
 * @property {string} label
 * @property {string} meaning explanation, worded as in the terminal's help
 * @property {"server" | "state" | "meter" | "number" | "models"} kind
 * @property {(server: ServerView) => number | string | null} value to sort by
 * @property {(server: ServerView) => string} text
 */

/**
 * A column of numbers.
 *
 * @param {string} id
 * @param {string} label
 * @param {string} meaning
 * @param {(server: ServerView) => number | null} value
 * @param {(value: number | null) => string} format
 * @param {"number" | "meter"} kind
 * @returns {Column}
 */
const numbers = (id, label, meaning, value, format, kind = "number") => ({
  id,
  label,
  meaning,
  kind,
  value,
  text: (server) => format(value(server)),
});

/** @type {readonly Column[]} */
export const COLUMNS = [
  {
    id: "server",
    label: "Server",
    meaning: "Name and address, and why it is not healthy",
    kind: "server",
    value: ({ name }) => name,
    text: ({ name }) => name,
  },
  {
    id: "state",
    label: "State",
    meaning: "Whether requests go to it",
    kind: "state",
    value: ({ state }) => STATES.indexOf(state),
    text: ({ state }) => stateText(state),
  },
  numbers(
    "usage",
    "Usage",
    "Running and waiting, of the capacity",
    ({ usage }) => usage,
    percent,
    "meter",
  ),
  numbers("running", "Running", "Requests running", ({ running }) => running, count),
  numbers("waiting", "Waiting", "Requests waiting", ({ waiting }) => waiting, count),
  numbers("capacity", "Capacity", "Requests it has room for", ({ capacity }) => capacity, count),
  numbers(
    "kv-cache",
    "KV cache",
    "KV cache in use",
    ({ kvCacheUsage }) => kvCacheUsage,
    percent,
    "meter",
  ),
  numbers(
    "prefix-hits",
    "Prefix hits",
    "Prompt tokens found in the prefix cache, last minute",
    ({ prefixHitRate }) => prefixHitRate,
    percent,
  ),
  numbers(
    "backlog",
    "Backlog",
    "Prompt tokens of this router yet to be computed, estimated",
    ({ pendingTokens }) => pendingTokens,
    count,
  ),
  numbers(
    "first-token-p50",
    "TTFT p50",
    "Time to first token, last minute: half took at most that",
    ({ firstToken }) => firstToken.p50,
    duration,
  ),
  numbers(
    "first-token-p95",
    "TTFT p95",
    "Time to first token, last minute: 95% took at most that",
    ({ firstToken }) => firstToken.p95,
    duration,
  ),
  numbers(
    "tokens",
    "Tokens/s",
    "Tokens generated a second",
    ({ tokensPerSecond }) => tokensPerSecond,
    rate,
  ),
  numbers("errors", "Errors", "Failed attempts since the start", ({ errors }) => errors, count),
  {
    id: "models",
    label: "Models",
    meaning: "Models that it lists",
    kind: "models",
    value: ({ models }) => models.join(", "),
    text: ({ models }) => models.join(", ") || "none",
  },
];

/**
 * Sorts servers by a column. Unknown values come last in both orders; equal ones keep their order.
 *
 * @param {readonly ServerView[]} servers
 * @param {Column} column
 * @param {"ascending" | "descending"} order
 */
export function sortServers(servers, { value }, order) {
  const sign = order === "ascending" ? 1 : -1;
  return servers.toSorted((one, other) => {
    const a = value(one);
    const b = value(other);
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
  });
}

/**
 * Returns the servers whose name, address or a model contains the text.
 *
 * @param {readonly ServerView[]} servers
 * @param {string} text
 * @param {boolean} onlyUnhealthy
 */
export function filterServers(servers, text, onlyUnhealthy) {
  const wanted = text.trim().toLowerCase();
  return servers.filter(({ name, url, models, state }) =>
    !(onlyUnhealthy && !isDown(state)) &&
    [name, url, ...models].some((part) => part.toLowerCase().includes(wanted))
  );
}
