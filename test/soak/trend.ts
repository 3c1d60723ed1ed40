// Whether a figure grows: samples over time, and the line through them.

export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

/** How many samples stand for one: a garbage collector gives back late, and the least of a while is what is kept. */
const samplesOfWindow = 5;

/**
 * What the figure grows by over the samples, by the line of least squares through the least of each five.
 * @returns 0 for fewer than two windows
 */
export function growthOf(samples: readonly Sample[]): number {
  const points = leastOfWindows(samples);
  if (points.length < 2) return 0;
  const meanAt = points.reduce((sum, { atMs }) => sum + atMs, 0) / points.length;
  const mean = points.reduce((sum, { value }) => sum + value, 0) / points.length;
  const covariance = points.reduce((sum, { atMs, value }) => sum + (atMs - meanAt) * (value - mean), 0);
  const variance = points.reduce((sum, { atMs }) => sum + (atMs - meanAt) ** 2, 0);
  return (covariance / variance) * (samples.at(-1)!.atMs - samples[0]!.atMs);
}

/** The samples of the first half of the time, and those of the second. */
export function halvesOf(samples: readonly Sample[]): readonly [readonly Sample[], readonly Sample[]] {
  const middle = Math.ceil(samples.length / 2);
  return [samples.slice(0, middle), samples.slice(middle)];
}

function leastOfWindows(samples: readonly Sample[]): readonly Sample[] {
  const windows = Array.from({ length: Math.floor(samples.length / samplesOfWindow) }, (_, index) =>
    samples.slice(index * samplesOfWindow, (index + 1) * samplesOfWindow),
  );
  return windows.map((window) => ({
    atMs: window.reduce((sum, { atMs }) => sum + atMs, 0) / window.length,
    value: Math.min(...window.map(({ value }) => value)),
  }));
}
