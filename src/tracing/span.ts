/** The value of an attribute: a `bigint` is a whole number, a `number` may have a fraction. */
export type Value = string | boolean | number | bigint | readonly string[];

/** A name and its value. */
export type Attribute = readonly [name: string, value: Value];

/** A span that has ended. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  /** The parent is a span of another process. */
  readonly isParentRemote: boolean;
  /** The `tracestate`, empty if there is none. */
  readonly state: string;
  readonly name: string;
  readonly kind: "server" | "client";
  /** Wall-clock time in milliseconds since 1970, as is the end. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: readonly Attribute[];
  /** Why it failed, `undefined` if it didn't. */
  readonly error: string | undefined;
}

/** Far longer than any name. Text from clients and servers is cut here. */
const LONGEST_TEXT = 1_024;

/** Makes a list of attributes without those whose value isn't known. */
export function attributes(
  values: Readonly<Record<string, Value | undefined>>,
): readonly Attribute[] {
  const known: Attribute[] = [];
  for (const name in values) {
    const value = values[name];
    if (value === undefined) continue;
    known.push([name, inBounds(value)]);
  }
  return known;
}

function inBounds(value: Value): Value {
  if (typeof value === "string") return clipped(value);
  return typeof value === "object" ? value.map(clipped) : value;
}

/** Cuts text that is too long. The result is well-formed, as UTF-8 has to be. */
export function clipped(text: string): string {
  return text.slice(0, LONGEST_TEXT).toWellFormed();
}
