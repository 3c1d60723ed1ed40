// Lists of items as OpenAI pages them: newest first unless asked otherwise, from behind an item on.

import type { Json } from "../../contract/json.ts";
import type { ItemPage, ItemQuestion } from "../../store/conversation-store.ts";
import { pageRange, parseLimit } from "../body/parse-limit.ts";
import { parseOrder } from "../body/parse-order.ts";

/** @throws {GatewayError} `invalid-request` */
export function parsePage(query: URLSearchParams): ItemQuestion {
  return {
    order: parseOrder(query),
    after: query.get("after") ?? undefined,
    limit: parseLimit(query.get("limit"), "items", pageRange),
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
