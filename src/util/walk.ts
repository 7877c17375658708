/**
 * A computation over bytes that may take long. It yields where it can be interrupted, at least once
 * for each {@linkcode SLICE_BYTES}.
 */
export type Walk<Result> = Generator<undefined, Result>;

/** So many bytes take less than a millisecond or so. */
export const SLICE_BYTES = 256 * 1024;
