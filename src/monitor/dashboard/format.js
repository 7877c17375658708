// @ts-check
/** @file Human-readable formats of numbers and times. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const shortClock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const dayClock = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "short",
  hourCycle: "h23",
});
const full = new Intl.DateTimeFormat(undefined, {
  dateStyle: "full",
  timeStyle: "long",
  hourCycle: "h23",
});
const DAY_MS = 24 * 60 * 60 * 1000;

/** Placeholder for an unknown value. */
export const UNKNOWN = "–";

/** @typedef {(value: number | null | undefined) => string} Format */

/**
 * @param {(value: number) => string} format format of known values
 * @returns {Format}
 */
const orUnknown = (format) => (value) =>
  value === null || value === undefined ? UNKNOWN : format(value);

/** Formats a count, exact up to 99,999. */
export const count = orUnknown((value) =>
  value < 100_000 ? whole.format(value) : compact.format(value)
);

/** Formats a rate per second, with one decimal if it is small. */
export const rate = orUnknown((value) => {
  if (value >= 10_000) return compact.format(value);
  return value > 0 && value < 100 ? oneDigit.format(value) : whole.format(value);
});

/** Formats a share as a percentage of at most four characters and a sign; may exceed 1. */
export const percent = orUnknown((value) =>
  value >= 9.995 ? ">999%" : `${whole.format(value * 100)}%`
);

/** Formats a share as a percentage, with one decimal if it is small. */
export const smallPercent = orUnknown((value) =>
  value > 0 && value < 0.0995 ? `${oneDigit.format(value * 100)}%` : percent(value)
);

/** Formats milliseconds, as seconds from one second. */
export const duration = orUnknown((value) => {
  if (value < 1000) return `${whole.format(value)} ms`;
  return value < 100_000 ? `${(value / 1000).toFixed(2)} s` : `${whole.format(value / 1000)} s`;
});

/**
 * Formats the two largest units of a duration.
 *
 * @param {number} ms
 */
export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

/**
 * Formats how long something lasts and when it began.
 *
 * @param {number} at beginning, in milliseconds
 * @param {number} now in milliseconds
 */
export function lasting(at, now) {
  const clockTime = now - at < DAY_MS ? timeOfDay(at) : dayClock.format(at);
  return `${span(now - at)}, since ${clockTime}`;
}

/**
 * Formats the time of day in the reader's time zone.
 *
 * @param {number} ms
 */
export const timeOfDay = (ms) => clock.format(ms);

/**
 * Formats the time of day in the reader's time zone, without seconds.
 *
 * @param {number} ms
 */
export const timeOfDayShort = (ms) => shortClock.format(ms);

/**
 * Formats day and time in the reader's time zone.
 *
 * @param {number} ms
 */
export const fullTime = (ms) => full.format(ms);

/**
 * Returns the colour of a usage: yellow from 70%, red from 90%.
 *
 * @param {number | null} share
 */
export function toneOf(share) {
  if (share === null || share < 0.7) return "plain";
  return share < 0.9 ? "warn" : "bad";
}
