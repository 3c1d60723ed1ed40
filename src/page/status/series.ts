// Samples to columns for plots: minutes of the last hour, and the first words between them. Pure.

import type { SampleFacts } from "./facts.ts";

export const minuteMs = 60_000;
const minutes = 60;

export interface Series {
  readonly label: string;
  /** One for each place on the axis; null where there is nothing to show. */
  readonly values: readonly (number | null)[];
}

export interface Columns {
  /** Milliseconds since the epoch, rising. */
  readonly atMs: readonly number[];
  readonly series: readonly Series[];
}

const outcomes = ["complete", "aborted", "failed", "refused"] as const;
/** Kinds of errors that have a colour of their own. */
const shownKinds = 4;

/** The hour up to the end of the present minute. */
export function hourOf(toMs: number): { readonly fromMs: number; readonly toMs: number } {
  const endMs = (Math.floor(toMs / minuteMs) + 1) * minuteMs;
  return { fromMs: endMs - minutes * minuteMs, toMs: endMs };
}

export function requestsByMinute(samples: readonly SampleFacts[], toMs: number): Columns {
  return byMinute(samples, toMs, outcomes, (sample, outcome) => sample[outcome]);
}

/** The most frequent kinds, the rest of them as one. */
export function errorsByMinute(samples: readonly SampleFacts[], toMs: number): Columns {
  const { fromMs } = hourOf(toMs);
  const totals = new Map<string, number>();
  for (const { atMs, errors } of samples) {
    if (atMs < fromMs) continue;
    for (const [kind, count] of Object.entries(errors)) totals.set(kind, (totals.get(kind) ?? 0) + count);
  }
  const kinds = [...totals].toSorted(([, one], [, other]) => other - one).map(([kind]) => kind);
  const shown = kinds.length > shownKinds + 1 ? kinds.slice(0, shownKinds) : kinds;
  const others = kinds.slice(shown.length);
  const columns = byMinute(samples, toMs, shown, ({ errors }, kind) => errors[kind] ?? 0);
  if (others.length === 0) return columns;
  const rest = byMinute(samples, toMs, ["other kinds"], ({ errors }) => sum(others.map((kind) => errors[kind] ?? 0)));
  return { ...columns, series: [...columns.series, ...rest.series] };
}

/** A line ends where nothing was said for longer than a minute. */
export function firstTokens(samples: readonly SampleFacts[], toMs: number): Columns {
  const { fromMs } = hourOf(toMs);
  const atMs: number[] = [];
  const p50: (number | null)[] = [];
  const p95: (number | null)[] = [];
  for (const sample of samples) {
    if (sample.firstToken === undefined || sample.atMs < fromMs) continue;
    const lastMs = atMs.at(-1);
    if (lastMs !== undefined && sample.atMs - lastMs > minuteMs) {
      atMs.push(lastMs + minuteMs / 2);
      p50.push(null);
      p95.push(null);
    }
    atMs.push(sample.atMs);
    p50.push(sample.firstToken.p50);
    p95.push(sample.firstToken.p95);
  }
  return {
    atMs,
    series: [
      { label: "half within", values: p50 },
      { label: "95 % within", values: p95 },
    ],
  };
}

/** Of each series, what it and those before it come to: bars that stand on one another. */
export function stacked({ series }: Columns): number[][] {
  const heights: number[][] = [];
  for (const { values } of series) {
    const below = heights.at(-1);
    heights.push(values.map((value, index) => (value ?? 0) + (below?.[index] ?? 0)));
  }
  return heights;
}

export function totalOf({ values }: Series): number {
  return sum(values.map((value) => value ?? 0));
}

function byMinute<Name extends string>(
  samples: readonly SampleFacts[],
  toMs: number,
  names: readonly Name[],
  read: (sample: SampleFacts, name: Name) => number,
): Columns {
  const { fromMs } = hourOf(toMs);
  const columns = names.map((label) => ({ label, values: Array.from({ length: minutes }, () => 0) }));
  for (const sample of samples) {
    const minute = Math.floor((sample.atMs - fromMs) / minuteMs);
    if (minute < 0 || minute >= minutes) continue;
    for (const { label, values } of columns) values[minute] = (values[minute] ?? 0) + read(sample, label);
  }
  // In the middle of each.
  return { atMs: Array.from({ length: minutes }, (_, index) => fromMs + (index + 0.5) * minuteMs), series: columns };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
