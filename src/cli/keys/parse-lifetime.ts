// How long a token lives, as people write it: 30m, 1h, 7d.

import { UsageError } from "../command.ts";

const form = /^([1-9]\d{0,8})([smhd])$/;
const secondMs = 1000;
const msByUnit: Readonly<Record<string, number>> = {
  s: secondMs,
  m: 60 * secondMs,
  h: 3600 * secondMs,
  d: 86_400 * secondMs,
};
/** A token cannot be taken back. */
const longestMs = 366 * 86_400 * secondMs;

/** @returns milliseconds. @throws {UsageError} */
export function parseLifetime(text: string): number {
  const [, count = "", unit = ""] = form.exec(text.trim()) ?? [];
  const lifetimeMs = Number(count) * (msByUnit[unit] ?? 0);
  if (lifetimeMs > 0 && lifetimeMs <= longestMs) return lifetimeMs;
  throw new UsageError("Cannot use --expires-in: it must be a time such as 30m, 1h or 7d, of 366 days at most");
}
