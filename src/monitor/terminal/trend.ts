import { type History, HISTORY_POINTS } from "../history.ts";
import type { View } from "../view.ts";

/** The fleet's figures at one moment, of which the trend is drawn. */
export interface Point {
  /** Wall-clock time in milliseconds. */
  readonly at: number;
  readonly requestsPerSecond: number;
  readonly failedPerSecond: number;
  readonly tokensPerSecond: number;
  readonly firstTokenP95: number | null;
  readonly waiting: number;
}

/** The last quarter of an hour. */
export interface Trend {
  /** Adds a view as the next point, unless it is too soon. */
  add(view: View): void;
  /** Oldest first. */
  points(): readonly Point[];
}

/** Minimum distance of two points: a router has two views a second and keeps one point. */
const POINT_MS = 900;
/** A view that is older than the last point by more than this shows that the clock was set back. */
const CLOCK_STEP_MS = 10_000;

/** @param history the router's own, if this screen began later than the router */
export function createTrend(history?: History): Trend {
  const points = history ? pointsOf(history) : [];
  return {
    add(view) {
      const sinceLast = view.at - (points.at(-1)?.at ?? -Infinity);
      if (sinceLast < -CLOCK_STEP_MS) points.length = 0;
      else if (sinceLast < POINT_MS) return;
      points.push(pointOf(view));
      if (points.length > HISTORY_POINTS) points.shift();
    },
    points: () => points,
  };
}

/** Returns the figures of a view. */
export function pointOf({ at, totals }: View): Point {
  return {
    at,
    requestsPerSecond: totals.requestsPerSecond,
    failedPerSecond: totals.answersPerSecond.failed,
    tokensPerSecond: totals.tokensPerSecond,
    firstTokenP95: totals.firstToken.p95,
    waiting: totals.waiting,
  };
}

function pointsOf(history: History): Point[] {
  return history.times.slice(-HISTORY_POINTS).map((at, i) => ({
    at,
    requestsPerSecond: history.requestsPerSecond[i] ?? 0,
    failedPerSecond: history.failedPerSecond[i] ?? 0,
    tokensPerSecond: history.tokensPerSecond[i] ?? 0,
    firstTokenP95: history.firstTokenP95[i] ?? null,
    waiting: history.servers.reduce((sum, { waiting }) => sum + (waiting[i] ?? 0), 0),
  }));
}
