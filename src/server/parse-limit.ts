// How many items of a list are asked for.

import { GatewayError } from "../contract/gateway-error.ts";
import { queryOf, type Trip } from "./trip.ts";

const defaultLimit = 100;
const maxLimit = 1000;

/** @throws {GatewayError} `invalid-request` */
export function parseLimit(trip: Trip): number {
  const text = queryOf(trip.request).get("limit");
  if (text === null) return defaultLimit;
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= maxLimit) return limit;
  throw new GatewayError(
    "invalid-request",
    `Cannot list sessions: limit must be a whole number from 1 to ${maxLimit}`,
    { param: "limit" },
  );
}
