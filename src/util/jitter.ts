/**
 * Returns a time shortened or lengthened by a random amount, so that waiting tasks don't resume in
 * lockstep.
 *
 * @param share maximum change as a fraction of `ms`
 * @param random uniform in [0, 1)
 */
export function jittered(ms: number, share: number, random: () => number): number {
  return ms * (1 + share * (2 * random() - 1));
}
