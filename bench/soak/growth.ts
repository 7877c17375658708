/**
 * How much a series of samples, evenly spaced, grows from its first to its last: by the straight
 * line that fits them best, as a share of their mean. A single sample that is off moves it little.
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

/** The later half of the samples. */
export function secondHalf<T>(samples: readonly T[]): readonly T[] {
  return samples.slice(samples.length >> 1);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
