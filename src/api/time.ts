/** A clock time in milliseconds as ISO 8601 in UTC; `null` for a time that has not come. */
export function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
