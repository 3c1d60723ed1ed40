// How long a key or a token lives, as people write it: 30m, 1h, 7d.

/** As a pattern of JSON schemas, too. */
export const lifetimeForm = "^([1-9]\\d{0,8})([smhd])$";
const form = new RegExp(lifetimeForm);
const secondMs = 1000;
const msByUnit: Readonly<Record<string, number>> = {
  s: secondMs,
  m: 60 * secondMs,
  h: 3600 * secondMs,
  d: 86_400 * secondMs,
};
/** A token cannot be taken back. */
const longestMs = 366 * 86_400 * secondMs;

export const lifetimeRule = "a time such as 30m, 1h or 7d, of 366 days at most";

/** @returns milliseconds; undefined for what is no such time */
export function lifetimeOf(text: string): number | undefined {
  const [, count = "", unit = ""] = form.exec(text.trim()) ?? [];
  const lifetimeMs = Number(count) * (msByUnit[unit] ?? 0);
  return lifetimeMs > 0 && lifetimeMs <= longestMs ? lifetimeMs : undefined;
}
