// The kinds of settings: their schemas and ranges, as the tables of settings use them.

import { Type } from "typebox";

export const secondMs = 1000;
export const minuteMs = 60 * secondMs;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
/** Timers of the runtime take no more, about 24 days. */
export const longestTimerMs = 2_147_483_647;
export const tenYearsMs = 3650 * dayMs;
export const mebibyte = 1024 ** 2;
export const gibibyte = 1024 ** 3;
export const mostCounted = 1_000_000;
export const mostTokens = 1_000_000_000;
export const mostWorkers = 256;

/** A wait, in milliseconds. */
export function wait(description: string, defaultMs: number, minimum = 1) {
  return Type.Integer({ description, default: defaultMs, minimum, maximum: longestTimerMs });
}

export function size(description: string, defaultBytes: number) {
  return Type.Integer({ description, default: defaultBytes, minimum: 1, maximum: gibibyte });
}

/** A number of things at a time, unlimited unless it is set. */
export function limit(description: string, maximum = mostCounted) {
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
