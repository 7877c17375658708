/** Number of lines of each part of the fleet's page. */
export interface Layout {
  readonly servers: number;
  /** Lines of sparklines; with any, a heading and an empty line come first. */
  readonly trend: number;
  /** Lines for events; with any, a heading and an empty line come first. */
  readonly events: number;
}

/** Below this many rows, no events are shown. */
const LOW_FOR_EVENTS = 15;
/** Events take at least this many lines, and a third of a high screen, if there are as many. */
const LEAST_EVENTS = 3;
/** A heading and an empty line above it. */
const HEADING = 2;

/**
 * Divides the lines between the servers, the sparklines and the events. Sparklines take only lines
 * that servers leave free; the events get the rest.
 *
 * @param height rows of the terminal
 * @param free its lines without those that are always there
 * @param rows number of servers to show
 * @param events number of events to show
 * @param most lines that all sparklines take
 */
export function layoutOf(
  height: number,
  free: number,
  rows: number,
  events: number,
  most: number,
): Layout {
  if (height < LOW_FOR_EVENTS) return { servers: Math.max(1, free), trend: 0, events: 0 };
  const known = Math.max(1, events);
  const least = Math.min(known, Math.max(LEAST_EVENTS, Math.floor(height / 3) - HEADING));
  const servers = Math.max(1, free - least - HEADING);
  if (rows > servers) return { servers, trend: 0, events: least };
  const left = free - Math.max(1, rows) - HEADING;
  const trend = Math.max(0, Math.min(most, left - Math.min(known, LEAST_EVENTS) - HEADING));
  return { servers, trend, events: left - (trend === 0 ? 0 : trend + HEADING) };
}
