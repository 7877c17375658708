import type { Span } from "./span.ts";

/** The status code of a failed span. Other spans have no status. */
export const ERROR = 2;

/** The numbers of the kinds of spans. */
export const KIND = { server: 2, client: 3 } as const;

/** Flags of a span: it is sampled; whether its parent is remote is known; its parent is remote. */
const SAMPLED = 0x1;
const KNOWS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** Returns the flags of a span. */
export function flagsOf({ parentId, isParentRemote }: Span): number {
  if (parentId === undefined) return SAMPLED;
  return SAMPLED | KNOWS_REMOTE | (isParentRemote ? IS_REMOTE : 0);
}

/**
 * Returns nanoseconds since 1970 as decimal digits. A double can't hold them, so they are put
 * together from their digits.
 */
export function nanoseconds(ms: number): string {
  const whole = Math.floor(ms);
  return `${whole}${String(Math.floor((ms - whole) * 1e6)).padStart(6, "0")}`;
}
