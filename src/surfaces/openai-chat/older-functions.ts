// Clients from before `tools`: they declare `functions`, and read one call, in `function_call`.

import type { FinishReason } from "../../contract/events.ts";
import type { JsonObject } from "../../contract/json.ts";

/**
 * To such a client a reply with `tool_calls` is one without words.
 * @see https://platform.openai.com/docs/api-reference/chat/create (functions, deprecated)
 */
export function declaresFunctions({ tools, functions }: JsonObject): boolean {
  return tools == null && Array.isArray(functions) && functions.length > 0;
}

export function finishReasonFor(body: JsonObject, reason: FinishReason): FinishReason | "function_call" {
  return reason === "tool_calls" && declaresFunctions(body) ? "function_call" : reason;
}
