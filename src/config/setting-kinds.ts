// The kinds of settings: their schemas and ranges, as the tables of settings use them.

import { Type } from "typebox";

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const DAY_MS = 24 * 60 * MINUTE_MS;
/** Timers of the runtime take no more, about 24 days. */
export const LONGEST_TIMER_MS = 2_147_483_647;
export const TEN_YEARS_MS = 3650 * DAY_MS;
export const GIBIBYTE = 1024 ** 3;
export const MOST_COUNTED = 1_000_000;
export const MOST_TOKENS = 1_000_000_000;
export const MOST_WORKERS = 256;

/** A wait, in milliseconds. */
export function wait(description: string, defaultMs: number, minimum = 1) {
  return Type.Integer({ description, default: defaultMs, minimum, maximum: LONGEST_TIMER_MS });
}

export function size(description: string, defaultBytes: number) {
  return Type.Integer({ description, default: defaultBytes, minimum: 1, maximum: GIBIBYTE });
}

/** A number of things at a time, unlimited unless it is set. */
export function limit(description: string, maximum = MOST_COUNTED) {
  return Type.Optional(Type.Integer({ description, minimum: 1, maximum }));
}

export function toggle(description: string, defaultValue: boolean) {
  return Type.Boolean({ description, default: defaultValue });
}

/** A text that names a folder which is made where it is missing. "~" is a shell's word: one of that name would be made. */
export const folder = { pattern: "^[^~]", allowed: "the path of a folder, without ~" } as const;

export function list(
  description: string,
  allowed: string,
  itemPattern: string,
  options: { readonly writeOnly?: true } = {},
) {
  const items = Type.String({ pattern: itemPattern });
  return Type.Array(items, { description, default: [], allowed, ...options });
}
