/** Header fields to look up and go over, as those of `Headers`. Names in lower case. */
export interface FieldMap extends Iterable<[string, string]> {
  /** The value, or all values joined by `, `; `null` if there is no such field. */
  get(name: string): string | null;
  /** Whether there is such a field. */
  has(name: string): boolean;
}
