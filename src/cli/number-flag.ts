// Flags that are numbers within a range.

import { type FlagValues, UsageError } from "./command.ts";

export interface NumberRange {
  /** @defaultValue 0 */
  readonly least?: number;
  readonly most: number;
  /** Digits behind the point. @defaultValue 0 */
  readonly decimals?: number;
}

/** Undefined: it is not given. @throws {UsageError} that names the flag, what was given, and the range */
export function numberFlag(
  flags: FlagValues,
  name: string,
  { least = 0, most, decimals = 0 }: NumberRange,
): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const form = decimals === 0 ? /^\d{1,10}$/ : new RegExp(`^\\d{1,10}(?:\\.\\d{1,${decimals}})?$`);
  const value = form.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  const kind = decimals === 0 ? "whole number" : "number";
  throw new UsageError(`Cannot use --${name} ${JSON.stringify(text)}: it must be a ${kind} from ${least} to ${most}`);
}
