// @ts-check
/** @file How numbers and times are written for people. */

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
});
const shortClock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** Stands for what is not known. */
export const UNKNOWN = "–";

/** @typedef {(value: number | null | undefined) => string} Format */

/**
 * @param {(value: number) => string} format of what is known
 * @returns {Format}
 */
const orUnknown = (format) => (value) =>
  value === null || value === undefined ? UNKNOWN : format(value);

/** A number of things, exact up to 99,999. */
export const count = orUnknown((value) =>
  value < 100_000 ? whole.format(value) : compact.format(value)
);

/** Something in a second, with a digit after the point where it is small. */
export const rate = orUnknown((value) => {
  if (value >= 10_000) return compact.format(value);
  return value > 0 && value < 100 ? oneDigit.format(value) : whole.format(value);
});

/** A share, 0 to 1 and beyond. */
export const percent = orUnknown((value) => `${whole.format(value * 100)}%`);

/** Milliseconds, from a second on as seconds. */
export const duration = orUnknown((value) => {
  if (value < 1000) return `${whole.format(value)} ms`;
  return value < 100_000 ? `${(value / 1000).toFixed(2)} s` : `${whole.format(value / 1000)} s`;
});

/**
 * Time since a start, its two largest units.
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
 * The time of day in the reader's zone.
 *
 * @param {number} ms
 */
export const timeOfDay = (ms) => clock.format(ms);

/**
 * The time of day in the reader's zone, without seconds.
 *
 * @param {number} ms
 */
export const timeOfDayShort = (ms) => shortClock.format(ms);

/**
 * Day and time in the reader's zone.
 *
 * @param {number} ms
 */
export const fullTime = (ms) => full.format(ms);

/**
 * How full is worth a colour: yellow from 70%, red from 90%.
 *
 * @param {number | null} share
 */
export function toneOf(share) {
  if (share === null || share < 0.7) return "plain";
  return share < 0.9 ? "warn" : "bad";
}
