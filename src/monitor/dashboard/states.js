// @ts-check
/** @file The states of servers: their order, marks and words. */

/** @import { ServerState } from "../../fleet/state/server.ts" */

/** @type {readonly ServerState[]} */
const DOWN = ["unhealthy", "stalled", "unauthorized", "no_models"];

/**
 * States, worst first.
 *
 * @type {readonly ServerState[]}
 */
export const STATES = [...DOWN, "half-open", "checking", "sleeping", "draining", "healthy"];

/** @type {Readonly<Record<ServerState, string>>} */
const MARKS = {
  unhealthy: "✖",
  stalled: "✖",
  unauthorized: "✖",
  no_models: "✖",
  "half-open": "◒",
  checking: "◌",
  sleeping: "☾",
  draining: "◑",
  healthy: "●",
};

/**
 * Whether a server in that state needs attention.
 *
 * @param {ServerState} state
 */
export const isDown = (state) => DOWN.includes(state);

/**
 * Whether a server in that state failed and has not recovered: it is down or being tried again.
 *
 * @param {ServerState} state
 */
export const isFailing = (state) => isDown(state) || state === "half-open";

/**
 * Writes a state for people, with its mark.
 *
 * @param {ServerState} state
 */
export const stateText = (state) => `${MARKS[state]} ${state.replace("_", " ")}`;
