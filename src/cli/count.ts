/** Formats a count with its noun, such as `1 server` or `2 servers`. */
export function countOf(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
