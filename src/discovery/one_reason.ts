/** Tells the first of several problems, and how many more there are; `undefined` if there is none. */
export function oneReason([first, ...others]: readonly string[]): string | undefined {
  return others.length === 0 ? first : `${first} (and ${others.length} more)`;
}
