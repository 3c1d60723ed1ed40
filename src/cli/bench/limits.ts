// What the load test must not cross, where somebody says so: bounds of its figures, as flags, and whether they were kept.

import { type Flag, type FlagValues, UsageError } from "../command.ts";

/** The worst that was measured, over all numbers of streams. */
export interface LoadFigures {
  /** First token through the gateway, as a multiple of the emulator's own. */
  firstTokenRatio: number;
  /** Microseconds of the gateway's CPU an event. Undefined: this system does not tell. */
  eventCpuUs: number | undefined;
  /** Memory of the gateway an open stream. Undefined: this system does not tell. */
  streamKb: number | undefined;
  /** How much later than its pace an event came, of the slowest hundredth. */
  lateMs: number;
  /** Streams that did not come to their end. */
  brokenStreams: number;
}

interface Bound {
  readonly figure: keyof LoadFigures;
  readonly what: string;
  readonly unit: string;
  /** Where nobody says anything. */
  readonly byDefault?: number;
}

const bounds: Readonly<Record<string, Bound>> = {
  "max-first-token-ratio": { figure: "firstTokenRatio", what: "first token against the emulator's own", unit: "x" },
  "max-event-cpu-us": { figure: "eventCpuUs", what: "CPU of an event", unit: "us" },
  "max-stream-kb": { figure: "streamKb", what: "memory of an open stream", unit: "KB" },
  "max-late-ms": { figure: "lateMs", what: "lateness of the slowest hundredth of events", unit: "ms" },
  "max-broken-streams": { figure: "brokenStreams", what: "streams that broke off", unit: "streams", byDefault: 0 },
};

export const limitFlags: readonly Flag[] = Object.entries(bounds).map(([name, { what, unit, byDefault }]) => ({
  name,
  value: "NUMBER",
  description: `Streams: fail when the ${what} is above it, in ${unit}${byDefault === undefined ? "" : ` (default ${byDefault})`}`,
}));

export interface Limit extends Bound {
  readonly flag: string;
  readonly atMost: number;
}

/** @throws {UsageError} that names the flag */
export function parseLimits(flags: FlagValues): readonly Limit[] {
  return Object.entries(bounds).flatMap(([flag, bound]) => {
    const text = flags[flag];
    if (text === undefined) return bound.byDefault === undefined ? [] : [{ ...bound, flag, atMost: bound.byDefault }];
    if (/^\d{1,9}(?:\.\d{1,6})?$/.test(text)) return [{ ...bound, flag, atMost: Number(text) }];
    throw new UsageError(`Cannot use --${flag} ${JSON.stringify(text)}: it must be a number, such as 2.5`);
  });
}

/** One sentence for each that was not kept. A figure that cannot be measured keeps no limit. */
export function crossedLimits(limits: readonly Limit[], figures: LoadFigures): readonly string[] {
  return limits.flatMap(({ flag, figure, what, unit, atMost }) => {
    const value = figures[figure];
    if (value === undefined || Number.isNaN(value)) {
      return [`--${flag} ${atMost} was not kept: the ${what} cannot be measured on this system`];
    }
    const measured = value.toLocaleString("en-US", { maximumFractionDigits: 2 });
    return value > atMost ? [`--${flag} ${atMost} was not kept: the ${what} is ${measured} ${unit}`] : [];
  });
}
