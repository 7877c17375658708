/** Number and time formats, the same as the dashboard's `format.js`. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** Placeholder for an unknown value. */
export const UNKNOWN = "–";

/** Formats a value; `null` is unknown. */
export type Format = (value: number | null) => string;

const orUnknown = (format: (value: number) => string): Format => (value) =>
  value === null ? UNKNOWN : format(value);

/** Formats a count, exact up to 99,999. */
export const count = orUnknown((value) =>
  value < 100_000 ? whole.format(value) : compact.format(value)
);

/** Formats a rate per second, with one decimal if it is small. */
export const rate = orUnknown((value) => {
  if (value >= 10_000) return compact.format(value);
  return value > 0 && value < 100 ? oneDigit.format(value) : whole.format(value);
});

/** Formats a share as a percentage, at most five characters. */
export const percent = orUnknown((value) =>
  value >= 9.995 ? ">999%" : `${whole.format(value * 100)}%`
);

/** Formats milliseconds, as seconds from one second. */
export const duration = orUnknown((value) => {
  if (value < 1_000) return `${whole.format(value)} ms`;
  return value < 100_000 ? `${(value / 1_000).toFixed(2)} s` : `${whole.format(value / 1_000)} s`;
});

/** Formats the two largest units of a duration, such as `3 d 4 h` or `45 s`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const [days, hours, minutes] = [86_400, 3_600, 60].map((unit) => Math.floor(seconds / unit));
  if (days! > 0) return `${days} d ${hours! % 24} h`;
  if (hours! > 0) return `${hours} h ${minutes! % 60} min`;
  if (minutes! > 0) return `${minutes} min ${seconds % 60} s`;
  return `${seconds} s`;
}

/** Formats the time of day of a wall-clock time, such as `11:32:28`. */
export const timeOfDay = (ms: number): string => new Date(ms).toTimeString().slice(0, 8);
