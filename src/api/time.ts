/** Formats a Unix time in milliseconds as ISO 8601 in UTC; `undefined` becomes `null`. */
export function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
