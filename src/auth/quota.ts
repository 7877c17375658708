/** How much of a limit is left. */
export interface Quota {
  /** The whole limit. */
  readonly limit: number;
  /** At least 0. */
  readonly left: number;
  /** Time until all of it is available again, in milliseconds. */
  readonly resetMs: number;
}
