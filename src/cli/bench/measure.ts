// Time and figures of a bench: medians of several rounds, so that one hiccup does not decide.

/** Nanoseconds one call takes: the median of five rounds of at least 100 ms each, after a warm-up. */
export function nanosecondsPerCall(work: () => void): number {
  const calls = callsFor(work, 100_000_000);
  const rounds = Array.from({ length: 5 }, () => timed(work, calls) / calls);
  return median(rounds);
}

function callsFor(work: () => void, wantedNs: number): number {
  let calls = 1;
  for (;;) {
    const ns = timed(work, calls);
    if (ns >= wantedNs / 10) return Math.max(1, Math.round((calls * wantedNs) / ns));
    calls *= 4;
  }
}

function timed(work: () => void, calls: number): number {
  const start = Bun.nanoseconds();
  for (let call = 0; call < calls; call++) work();
  return Bun.nanoseconds() - start;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** @param share from 0 to 1 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** A line of the report: a name, then figures. */
export function row(name: string, ...figures: readonly string[]): string {
  return `${name.padEnd(58)}${figures.map((figure) => figure.padStart(16)).join("")}`;
}

export function rounded(value: number, digits = 1): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}
