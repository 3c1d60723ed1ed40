// Fields of the protocol that are left open as null: the SDK's schemas have none.

import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { withoutNulls } from "../surfaces/check-body.ts";

/** Fields of the protocol lie no deeper: a message, its `params`, `clientInfo` or `_meta`, an object in `capabilities`. */
const maxDepth = 4;

/** Without fields of null, within as well. Arguments are left alone: they are a tool's to read. */
export function withoutOpenFields(fields: JsonObject, depth = 1): JsonObject {
  const given = Object.entries(withoutNulls(fields)).map(([key, value]) => {
    const isOfProtocol = isJsonObject(value) && key !== "arguments" && depth < maxDepth;
    return [key, isOfProtocol ? withoutOpenFields(value, depth + 1) : value] as const;
  });
  return Object.fromEntries(given);
}
