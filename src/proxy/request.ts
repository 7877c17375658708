/** Longer than any tracing system's ids. */
const LONGEST_ID = 200;

/** The client's id for its request, or one made for it. */
export function idOf({ headers }: Request): string {
  const given = headers.get("x-request-id");
  return given && given.length <= LONGEST_ID ? given : crypto.randomUUID();
}
