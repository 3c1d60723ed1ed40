// Which end of a list is asked for first.

import { GatewayError } from "../../contract/gateway-error.ts";

/** @defaultValue the newest first. @throws {GatewayError} `invalid-request` that names `order` */
export function parseOrder(query: URLSearchParams): "asc" | "desc" {
  const order = query.get("order") ?? "desc";
  if (order === "asc" || order === "desc") return order;
  throw new GatewayError("invalid-request", 'Cannot list these: order must be "asc" or "desc"', { param: "order" });
}
