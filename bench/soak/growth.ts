/**
 * Returns the growth of evenly spaced samples from first to last, as a share of their mean, by
 * linear regression. A single outlier has little influence.
 */
export function growth(samples: readonly number[]): number {
  const mean = average(samples);
  if (samples.length < 2 || mean === 0) return 0;
  const middle = (samples.length - 1) / 2;
  let above = 0;
  let below = 0;
  samples.forEach((value, index) => {
    above += (index - middle) * (value - mean);
    below += (index - middle) ** 2;
  });
  return above / below * (samples.length - 1) / mean;
}

/** Returns the second half of the samples. */
export function secondHalf<T>(samples: readonly T[]): readonly T[] {
  return samples.slice(samples.length >> 1);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
