// How many entries of a list are asked for.

import { GatewayError } from "../../contract/gateway-error.ts";

export interface LimitRange {
  /** Where the question has no limit. */
  readonly usual: number;
  readonly most: number;
}

/** Of lists that are read page by page. */
export const pageRange: LimitRange = { usual: 20, most: 100 };
/** Of lists of sessions. */
export const sessionListRange: LimitRange = { usual: 100, most: 1000 };

/**
 * @param text as the question has it
 * @param listed what the list holds, in the words of the refusal
 * @throws {GatewayError} `invalid-request` that names `limit`
 */
export function parseLimit(text: string | null | undefined, listed: string, { usual, most }: LimitRange): number {
  if (text == null) return usual;
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= most) return limit;
  throw new GatewayError("invalid-request", `Cannot list ${listed}: limit must be a whole number from 1 to ${most}`, {
    param: "limit",
  });
}
