// Items of a conversation go by their ids: one that comes again is passed over, and another one under the same id would be lost.

import { GatewayError } from "../../contract/gateway-error.ts";
import { isJsonObject } from "../../contract/json.ts";
import { canonicalCall, canonicalText } from "../../conversation/canonical.ts";
import { referredId } from "../../surfaces/openai-responses/input-items.ts";
import { nothingKnown, parseInput } from "../../surfaces/openai-responses/parse-input.ts";

/**
 * @param items of a request, as its client wrote them
 * @param known what is in the conversation, by ids
 * @param field that holds the items
 * @throws {GatewayError} `invalid-request` that names the id, such as `input[1].id`
 */
export function refuseTakenIds(items: unknown, known: ReadonlyMap<string, unknown>, field: "input" | "items"): void {
  if (!Array.isArray(items)) return;
  const seen = new Map<string, unknown>();
  for (const [index, item] of items.entries()) {
    const id = isJsonObject(item) && referredId(item) === undefined ? item["id"] : undefined;
    if (typeof id !== "string" || id === "") continue;
    const other = seen.get(id) ?? known.get(id);
    if (other !== undefined && !saysTheSame(other, item)) throw taken(`${field}[${index}].id`);
    seen.set(id, item);
  }
}

/** Clients send items back with other fields than they were told, and in other shapes. */
function saysTheSame(one: unknown, other: unknown): boolean {
  try {
    return Bun.deepEquals(whatIsSaid(one), whatIsSaid(other));
  } catch {
    // What is wrong with it is told where all of them are read.
    return true;
  }
}

function whatIsSaid(item: unknown) {
  return parseInput([item], [], nothingKnown).map((message) => ({
    role: message.role,
    text: canonicalText(message),
    calls: message.role === "assistant" ? message.toolCalls.map((call) => canonicalCall(call, [])) : [],
    callId: message.role === "tool" ? message.callId : undefined,
  }));
}

function taken(param: string): GatewayError {
  const message = `Invalid request: "${param}" is the id of another item of this conversation: leave it out, or choose another`;
  return new GatewayError("invalid-request", message, { param });
}
