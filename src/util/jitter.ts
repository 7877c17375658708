/**
 * A time that is shortened or lengthened by up to a share of it, so that what waits doesn't go on
 * in step.
 *
 * @param random uniform in [0, 1)
 */
export function jittered(ms: number, share: number, random: () => number): number {
  return ms * (1 + share * (2 * random() - 1));
}
