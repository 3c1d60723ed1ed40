// Lists of items as OpenAI pages them: newest first unless asked otherwise, from behind an item on.

import { GatewayError } from "../contract/gateway-error.ts";
import type { Json } from "../contract/json.ts";
import type { ItemPage, ItemQuestion } from "../store/conversation-store.ts";
import { parseOrder } from "./parse-order.ts";

const defaultLimit = 20;
const maxLimit = 100;

/** @throws {GatewayError} `invalid-request` */
export function parsePage(query: URLSearchParams): ItemQuestion {
  return {
    order: parseOrder(query),
    after: query.get("after") ?? undefined,
    limit: limitOf(query.get("limit")),
  };
}

export function encodePage({ items, hasMore }: ItemPage): Json {
  // Came out of JSON.parse.
  const data = items as readonly { readonly [field: string]: Json }[];
  return {
    object: "list",
    data,
    first_id: data[0]?.["id"] ?? null,
    last_id: data.at(-1)?.["id"] ?? null,
    has_more: hasMore,
  };
}

function limitOf(text: string | null): number {
  if (text === null) return defaultLimit;
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= maxLimit) return limit;
  throw new GatewayError("invalid-request", `Cannot list items: limit must be a whole number from 1 to ${maxLimit}`, {
    param: "limit",
  });
}
